"""Several files and folders: the name is the label."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqcli.errors import DataError
from seqcli.options import ReadingOptions
from seqcli.readers.read import read_table
from seqcli.readers.table import Table


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def read(*paths: Path) -> Table:
    return read_table([str(path) for path in paths], ReadingOptions())


def columns(table: Table, *names: str) -> list[tuple[str, ...]]:
    return list(zip(*(table.cells(name) for name in names), strict=True))


def test_of_several_text_files_each_line_is_a_text_and_the_file_the_label(tmp_path: Path) -> None:
    write(tmp_path, {"good.txt": "fine\n\nwell, done\n", "bad.txt.txt": "awful"})
    table = read(tmp_path / "good.txt", tmp_path / "bad.txt.txt")
    assert columns(table, "text", "label") == [("fine", "good"), ("well, done", "good"), ("awful", "bad.txt")]
    assert table.where(1) == f"{tmp_path / 'good.txt'}, line 3"
    assert table.where(2) == f"{tmp_path / 'bad.txt.txt'}, line 1"
    assert "each name is its label, in the column label" in table.notes
    assert len(table.digest) == 64


def test_a_folder_of_folders_has_one_text_a_file(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pos/1.txt": "fine,\nreally\n",
            "pos/2.txt": "good",
            "neg/1.txt": "bad",
            "unsup/1.txt": "?",
            ".git/x": "?",
        },
    )
    write(tmp_path, {"README": "about this set"})
    for table in (read(tmp_path), read(tmp_path / "neg", tmp_path / "pos")):
        assert columns(table, "text", "label") == [("bad", "neg"), ("fine,\nreally", "pos"), ("good", "pos")]


def test_a_published_set_is_read_from_its_training_part(tmp_path: Path) -> None:
    write(tmp_path, {"train/pos/1.txt": "fine", "train/neg/1.txt": "bad", "test/pos/1.txt": "unseen"})
    table = read(tmp_path)
    assert columns(table, "text", "label") == [("bad", "neg"), ("fine", "pos")]
    assert any("--test" in note for note in table.notes)


def test_a_folder_of_files_is_the_same_as_its_files(tmp_path: Path) -> None:
    write(tmp_path, {"Greek.txt": "Houlis\n", "Czech.txt": "Zitka\nNovak\n"})
    assert columns(read(tmp_path), "text", "label") == [
        ("Zitka", "Czech"),
        ("Novak", "Czech"),
        ("Houlis", "Greek"),
    ]


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    write(tmp_path, {"a/data.txt": "1x\n", "b/data.txt": "2x\n"})
    table = read(tmp_path / "a" / "data.txt", tmp_path / "b" / "data.txt")
    assert table.cells("label") == ["a", "b"]


def test_csv_files_are_laid_end_to_end_with_their_name(tmp_path: Path) -> None:
    write(tmp_path, {"walk.csv": "x,y\n1,2\n3,4\n", "run.csv": "y,x\n6,5\n"})
    table = read(tmp_path / "walk.csv", tmp_path / "run.csv")
    assert columns(table, "x", "y", "label") == [("1", "2", "walk"), ("3", "4", "walk"), ("5", "6", "run")]
    assert table.where(2, "x") == f"{tmp_path / 'run.csv'}, row 2, column x"


def test_recordings_in_labelled_folders_keep_their_file(tmp_path: Path) -> None:
    write(tmp_path, {"walk/1.csv": "x\n1\n2\n", "walk/2.csv": "x\n3\n", "run/1.csv": "x\n4\n"})
    table = read(tmp_path)
    assert table.cells("label") == ["run", "walk", "walk", "walk"]
    assert [Path(path).name for path in table.cells("file")] == ["1.csv", "1.csv", "1.csv", "2.csv"]


def test_dated_files_are_series(tmp_path: Path) -> None:
    write(tmp_path, {"AAPL.csv": "date,close\n2018-01-01,1\n", "MSFT.csv": "date,close\n2018-01-01,2\n"})
    table = read(tmp_path)
    assert table.names == ("date", "close", "file")
    assert table.cells("file") == ["AAPL", "MSFT"]


def test_files_that_have_labels_are_only_laid_end_to_end(tmp_path: Path) -> None:
    write(tmp_path, {"a.csv": "text,label\nfine,1\n", "b.csv": "text,label\nbad,0\n"})
    assert read(tmp_path).names == ("text", "label")


def test_wrong_files_are_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path, {"a.csv": "x,y\n1,2\n", "b.csv": "x,z\n1,2\n", "c.csv": "x,y\n1\n"})
    with pytest.raises(DataError, match=r"b\.csv: its columns are x, z, those of .*a\.csv are x, y"):
        read(tmp_path / "a.csv", tmp_path / "b.csv")
    with pytest.raises(DataError, match=r"c\.csv, row 2: 1 cell where the header has 2"):
        read(tmp_path / "a.csv", tmp_path / "c.csv")
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a.csv", tmp_path / "d.csv")
    assert caught.value.message.endswith("d.csv: no such file")
    assert "did you mean" in caught.value.hint
    with pytest.raises(DataError, match="stdin cannot be one of several"):
        read_table(["-", str(tmp_path / "a.csv")], ReadingOptions())


def test_models_and_hidden_files_are_not_data(tmp_path: Path) -> None:
    beside = ["fold.seqcli/model.json", "fold.seqcli/graphs/batch.onnx", "fold.seqcli.old/README.md"]
    beside += [".fold.seqcli.partial/lock", ".fold.seqcli.partial/checkpoint/state.json", ".DS_Store"]
    beside += [f"best/{name}" for name in ("model.json", "weights.safetensors", "history.jsonl", "README.md")]
    files = {"Greek.txt": "Houlis\n", "Czech.txt": "Zitka\n"}
    write(tmp_path, {**files, **dict.fromkeys(beside, "\0")})
    assert columns(read(tmp_path), "text", "label") == [("Zitka", "Czech"), ("Houlis", "Greek")]


def test_models_and_hidden_files_are_not_data_in_labelled_folders_either(tmp_path: Path) -> None:
    beside = ["pos/pos.seqcli/README.md", "pos/deep/.x.seqcli.partial/lock", "all.seqcli/README.md", "neg/.y"]
    files = {"pos/1.txt": "fine", "pos/deep/2.txt": "good", "neg/1.txt": "bad"}
    write(tmp_path, {**files, **dict.fromkeys(beside, "\0")})
    labelled = [("bad", "neg"), ("fine", "pos"), ("good", "pos")]
    assert columns(read(tmp_path), "text", "label") == labelled
    assert columns(read(tmp_path / "neg", tmp_path / "pos"), "text", "label") == labelled


def test_a_model_in_a_folder_of_files_called_train_makes_no_published_set(tmp_path: Path) -> None:
    write(tmp_path, {"train/a.txt": "x\n", "train/train.seqcli/model.json": "{}", "b.txt/1.txt": "y\n"})
    assert columns(read(tmp_path), "text", "label") == [("y", "b.txt"), ("x", "train")]


def test_a_model_is_refused_as_data(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "x\n", "a.seqcli/model.json": "{}"})
    for paths in ([tmp_path / "a.seqcli"], [tmp_path / "a.txt", tmp_path / "a.seqcli"]):
        with pytest.raises(DataError, match=r"a\.seqcli: is a model, not data") as caught:
            read(*paths)
        assert caught.value.hint == f"name it by -m {tmp_path / 'a.seqcli'}, beside a file of data"


def test_links_in_a_circle_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"pos/1.txt": "fine", "neg/1.txt": "bad"})
    (tmp_path / "pos" / "again").symlink_to(tmp_path)
    assert columns(read(tmp_path), "text", "label") == [("bad", "neg"), ("fine", "pos")]


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file to read in this folder"):
        read(tmp_path)


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match="no permission to read it"):
        read(tmp_path)
