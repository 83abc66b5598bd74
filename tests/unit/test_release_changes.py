"""What an offline plan says of releases, which Terraform knows nothing of."""

from __future__ import annotations

from pathlib import Path

from workaday.execute.offline.rendered import release_changes


def tree(folder: Path, **releases: str) -> Path:
    (folder / "releases").mkdir(parents=True)
    (folder / "terraform").mkdir()
    (folder / "charts" / "inference").mkdir(parents=True)
    (folder / "charts" / "inference" / "Chart.yaml").write_text("name: inference\n")
    for name, content in releases.items():
        (folder / "releases" / f"{name}.json").write_text(content)
    return folder


def test_releases_are_new_changed_or_gone(tmp_path: Path) -> None:
    before = tree(tmp_path / "before", story="1", pools="1", colour="1")
    after = tree(tmp_path / "after", story="1", pools="2", tagger="1")
    assert release_changes(after, before) == {"colour": "gone", "pools": "changed", "tagger": "new"}
    assert release_changes(after, before / "terraform") == release_changes(after, before)
    assert release_changes(after, after) == {}


def test_a_changed_chart_is_told(tmp_path: Path) -> None:
    before, after = tree(tmp_path / "before", story="1"), tree(tmp_path / "after", story="1")
    (after / "charts" / "inference" / "values.yaml").write_text("models: []\n")
    assert release_changes(after, before) == {"charts": "changed"}
