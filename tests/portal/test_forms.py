"""The fields that every form is made of: cleaned text, and the hidden id and version."""

import uuid

import pytest
from flask import Flask
from wtforms.validators import DataRequired

from portal.forms import (
    CleanEmail,
    CleanLongText,
    CleanText,
    PortalForm,
    SubmissionField,
    VersionField,
)
from portal.templating import init_templating


class NoteForm(PortalForm):
    """A form with one field of each kind."""

    title = CleanText("題名", [DataRequired("題名を入力してください。")])
    text = CleanLongText("本文", limit=10)
    email = CleanEmail("メール")
    submission = SubmissionField()
    version = VersionField()


WHOLE = {
    "title": "題名",
    "text": "本文",
    "email": "a@example.jp",
    "submission": "0e3a1a0e-4d4e-4f52-9f0e-9a2f8f2d5b11",
    "version": "3",
}


@pytest.fixture
def app() -> Flask:
    """An application that only knows forms and languages."""
    app = Flask("portal")
    app.config.update(SECRET_KEY="for tests only", WTF_CSRF_ENABLED=False)
    init_templating(app)
    return app


def sent(app: Flask, **values: str) -> NoteForm:
    with app.test_request_context(method="POST", data={**WHOLE, **values}):
        form = NoteForm()
        form.validate()
        # What the page would show again, drawn while the request is there.
        form.drawn = {field.name: str(field()) for field in form}
        return form


def test_a_whole_form_is_cleaned(app: Flask) -> None:
    form = sent(app, title="　か\u3099く\t習 ", text="一\r\n二", email="ＡＢ@Example.jp")
    assert form.errors == {}
    assert form.title.data == "がく 習"
    assert form.text.data == "一\n二"
    assert form.email.data == "ab@example.jp"
    assert form.submission.data == uuid.UUID(WHOLE["submission"])
    assert form.version.data == 3
    assert form.status == 200


@pytest.mark.parametrize(
    ("field", "typed", "kept", "reason"),
    [
        ("title", "右\u202e左", "右左", "向きを変える見えない文字"),
        ("title", "ナル\0文字", "ナル文字", "制御文字"),
        ("title", "長" * 201, "長" * 201, "200文字まで"),
        ("text", "一二三四五六七八九十一", "一二三四五六七八九十一", "10文字まで"),
        ("email", "no address", "no address", "メールアドレスの形"),
    ],
)
def test_a_refused_text_says_why_and_is_kept(
    app: Flask, field: str, typed: str, kept: str, reason: str
) -> None:
    form = sent(app, **{field: typed})
    assert reason in " ".join(form.errors[field])
    assert form[field].data == kept
    assert kept in form.drawn[field]
    assert form.status == 422
    # What was sent beside it is still there.
    assert form.submission.data == uuid.UUID(WHOLE["submission"])


def test_blanks_alone_are_nothing(app: Flask) -> None:
    assert "題名を入力" in " ".join(sent(app, title=" \u3000\t").errors["title"])


@pytest.mark.parametrize(
    ("field", "value"), [("submission", "x"), ("submission", ""), ("version", "1x")]
)
def test_a_hidden_value_that_cannot_be_read_asks_to_open_the_page_anew(
    app: Flask, field: str, value: str
) -> None:
    assert "もう一度開いて" in " ".join(sent(app, **{field: value}).errors[field])


def test_a_form_without_its_hidden_values_is_refused(app: Flask) -> None:
    with app.test_request_context(method="POST", data={"title": "題名"}):
        form = NoteForm()
        assert not form.validate()
        assert {"submission", "version"} <= form.errors.keys()


def test_each_drawing_has_an_id_of_its_own_and_a_refused_form_keeps_its(app: Flask) -> None:
    with app.test_request_context():
        first, second = NoteForm().submission.data, NoteForm().submission.data
    assert first != second
    form = sent(app, title="")
    assert WHOLE["submission"] in form.drawn["submission"]
