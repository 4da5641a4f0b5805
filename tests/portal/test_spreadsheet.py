"""Tables for spreadsheet programs: nothing in them is a formula, and what people save is read."""

import csv
import io

import pytest

from portal.spreadsheet import UnreadableError, read, safe, written

DANGEROUS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1",
    "＋1",
    "－1",
    "＠1",
    " =1",
    "　=1",
]


@pytest.mark.parametrize("cell", DANGEROUS)
def test_what_looks_like_a_formula_is_marked_as_text(cell: str) -> None:
    assert safe(cell) == f"'{cell}"
    (row,) = csv.reader(io.StringIO(written([[cell]]).decode("utf-8-sig"), newline=""))
    assert row == [f"'{cell}"]


@pytest.mark.parametrize("cell", ["見本 かおる", "'見本", "a=1", "1-1", "", "2027-04-01"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert safe(cell) == cell


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_table_is_read_as_offices_save_it(encoding: str, line_end: str) -> None:
    text = line_end.join(["種別,氏名", ",", "着任,髙﨑 まさる", '離任,"山田, 花子"', ""])
    lines = read(text.encode(encoding))
    assert [line.cells for line in lines] == [
        ("種別", "氏名"),
        ("着任", "髙﨑 まさる"),
        ("離任", "山田, 花子"),
    ]
    assert [line.number for line in lines] == [1, 3, 4]


def test_a_marked_cell_comes_back_without_its_mark() -> None:
    (line,) = read(written([["=1+1", "'見本", "普通"]]))
    assert line.cells == ("=1+1", "'見本", "普通")


@pytest.mark.parametrize(
    ("data", "line"), [(b"\x81\x00\xff\xfd", 0), (b"a\x00b", 0), (b'a\n"b', 2)]
)
def test_what_is_no_table_is_refused(data: bytes, line: int) -> None:
    with pytest.raises(UnreadableError) as refused:
        read(data)
    assert refused.value.line == line
