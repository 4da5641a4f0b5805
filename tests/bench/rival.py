"""The same question put to django-guardian: the fifty newest of all cases that somebody may see.

It runs in an environment of its own (tests/bench/requirements.lock). Each line on its input names a
viewer and is answered by how many rows were found. Who that is has been read before, as a page has
read its user before it reads a list.

    python rival.py HOST DATABASE USER CASES
"""

import sys

import django
from django.conf import settings

HOST, DATABASE, USER, CASES = sys.argv[1:]
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": HOST,
            "PORT": "5432",
            "NAME": DATABASE,
            "USER": USER,
            "CONN_MAX_AGE": None,
            "OPTIONS": {"options": "-c jit=off"},
        }
    },
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "guardian"],
    AUTHENTICATION_BACKENDS=[
        "django.contrib.auth.backends.ModelBackend",
        "guardian.backends.ObjectPermissionBackend",
    ],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

from django.contrib.auth.models import Permission, User  # noqa: E402 - only after the setup
from django.contrib.contenttypes.models import ContentType  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, models  # noqa: E402
from guardian.shortcuts import get_objects_for_user  # noqa: E402

# As many as in the portal's city: a fifth of the cases, one in 146, and twenty old ones.
SHARES = {"ward": "i % 5 = 0", "school": "i % 146 = 0", "few old cases": "i <= 20"}


class Case(models.Model):  # noqa: DJ008 - nobody prints one
    """A case with what a line of the list shows."""

    reference = models.CharField(max_length=20)
    status = models.CharField(max_length=20)
    last_activity = models.DateTimeField()

    class Meta:
        app_label = "guardian"
        indexes = (models.Index(fields=["-last_activity", "-id"], name="recent"),)


def load() -> None:
    """Make the tables, the cases and who may see them; everybody else has permissions too."""
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Case)
    content = ContentType.objects.get_for_model(Case)
    permission, _ = Permission.objects.get_or_create(
        codename="view_case", content_type=content, defaults={"name": "Can view case"}
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO guardian_case (id, reference, status, last_activity)"
            " SELECT i, 'R' || lpad(i::text, 9, '0'), 'supporting',"
            " now() - (%s - i) * interval '20 seconds' FROM generate_series(1, %s) AS i",
            [int(CASES), int(CASES)],
        )
        others = {f"other {n}": f"i % 146 = {n}" for n in range(1, 146)}
        others |= {f"ward {n}": f"i % 5 = {n}" for n in range(1, 5)}
        for name, share in (SHARES | others).items():
            user = User.objects.create(username=name)
            cursor.execute(
                "INSERT INTO guardian_userobjectpermission"  # noqa: S608 - of the lists above
                " (object_pk, content_type_id, permission_id, user_id)"
                " SELECT i::text, %s, %s, %s FROM generate_series(1, %s) AS i WHERE "
                + share.replace("%", "%%"),
                [content.id, permission.id, user.id, int(CASES)],
            )
        cursor.execute("VACUUM ANALYZE")


def ask(user: User) -> int:
    """Return how many rows the first page has."""
    seen = get_objects_for_user(user, "guardian.view_case", klass=Case, accept_global_perms=False)
    return len(list(seen.order_by("-last_activity", "-id")[:50]))


load()
users = {user.username: user for user in User.objects.filter(username__in=SHARES)}
print("ready", flush=True)
for line in sys.stdin:
    print(ask(users[line.strip()]), flush=True)
