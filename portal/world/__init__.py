"""The test interface: a whole city as one file, and who sees what of it.

A world is a register in the format ``portal-world/1`` (docs/world-format.md): ``read_file`` and
``load`` take one in, ``dump`` gives it back, ``visible_to`` says what one viewer sees of it through
both walls, at any instant, and ``explain`` says why.
"""

from portal.world.checking import check
from portal.world.dumping import dump
from portal.world.explaining import explain, explained_line
from portal.world.loading import load
from portal.world.looking import WallsDisagree, all_lines, line, visible_to
from portal.world.reading import World, WorldRefused, read_file

__all__ = [
    "WallsDisagree",
    "World",
    "WorldRefused",
    "all_lines",
    "check",
    "dump",
    "explain",
    "explained_line",
    "line",
    "load",
    "read_file",
    "visible_to",
]
