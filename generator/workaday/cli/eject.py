"""`eject`: the product's modules and templates become the project's own, as an overlay."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from workaday.cli.output import say
from workaday.cli.run import Exit

FOLDER = re.compile(r"(\./)?\w[\w./-]*")  # plain in YAML, within the project


def eject(wanted: list[str], file: Path, stage: str | None, into: str) -> int:
    """Copy what the project uses, or the parts that are named, into an overlay and add it to the project file."""
    from workaday.cli.files import replace_file
    from workaday.execute.workspace import open_workspace
    from workaday.render import products

    if not FOLDER.fullmatch(into) or ".." in Path(into).parts:
        raise outside(into)
    workspace = open_workspace(file, stage)
    taken = chosen(wanted, products(workspace.blueprint), workspace.blueprint.overlays)
    if not taken:
        say("nothing to eject: every part is the project's own already")
        return Exit.DONE
    folder = workspace.root / into
    refuse_to_overwrite(taken, folder, into)
    text = listed(file, into)
    for path, content in taken.items():
        replace_file(folder / path, content)
    for part, count in counted(taken).items():
        say(f"{part}: {count} file{'s' * (count != 1)} copied to {into}/{part}")
    if text is not None:
        replace_file(file, text)
        say(f"{file}: `{into}` added to `overlays`")
    say("the tree stays as it is until you change them; what you own gets no fixes from a newer Workaday")
    say("to go back: delete a part's folder; with the last one, take the overlay out of `overlays`")
    return Exit.DONE


def chosen(wanted: list[str], used: Mapping[str, bytes], overlays: object) -> dict[str, bytes]:
    """Return the files of the parts that are wanted: a module or chart as a whole, a template or a folder of them.

    Raises ProjectError (P313): the project uses no such part.
    """
    from workaday.project.overlays import Overlays

    own = overlays.files if isinstance(overlays, Overlays) else {}
    taken: dict[str, bytes] = {}
    for each in wanted or ["charts", "infra", "templates"]:
        part = each.strip("/").removeprefix("./")
        files = {path: content for path, content in used.items() if within(part, path)}
        if wanted and not files and not any(within(part, path) for path in own):
            raise unknown(part, used)
        taken |= files
    return taken


def within(part: str, path: str) -> bool:
    """Say whether a file belongs to a part; a file of a module stands for the module."""
    from workaday.project.overlays import module_of

    whole = module_of(part + "/") or part
    return path == whole or path.startswith(f"{whole}/")


def counted(paths: Iterable[str]) -> dict[str, int]:
    """Return how many files each part has: a module, or a template."""
    from workaday.project.overlays import module_of

    counts: dict[str, int] = {}
    for path in paths:
        part = module_of(path) or path
        counts[part] = counts.get(part, 0) + 1
    return counts


def refuse_to_overwrite(taken: Mapping[str, bytes], folder: Path, into: str) -> None:
    """Raise ProjectError (P314) where a file that is there already says something else."""
    from workaday.project.diagnostics import Diagnostic, ProjectError

    hint = "move it away, or name another overlay: `--into overlays/NAME`"
    found = [
        Diagnostic("P314", f"`{into}/{path}` is there already", hints=(hint,))
        for path, content in taken.items()
        if (folder / path).exists() and not ((folder / path).is_file() and (folder / path).read_bytes() == content)
    ]
    if found:
        raise ProjectError(found)


def listed(file: Path, into: str) -> bytes | None:
    """Return the project file with the overlay in its list, or None where it is there already."""
    from workaday.project.migrations.edits import appended
    from workaday.project.overlays import shown
    from workaday.project.source import decode, parse, read_bytes

    raw = read_bytes(file, file.name)
    document = parse(decode(raw, file.name), file.name, file)
    if shown(into) in [shown(each) for each in document.data.get("overlays") or ()]:
        return None
    mark = raw[: len(raw) - len(document.text.encode())]
    return mark + appended(document, "overlays", into).encode()


def outside(into: str) -> Exception:
    """Return the error of an overlay that cannot be one of the project's folders."""
    from workaday.project.diagnostics import mistake

    return mistake("P302", f"`{into}` cannot be an overlay", "name a folder in it, such as `--into overlays/own`")


def unknown(part: str, used: Mapping[str, bytes]) -> Exception:
    """Return the error of a part that the project does not use."""
    from workaday.project.diagnostics import mistake
    from workaday.project.spelling import meant

    parts = list(counted(used))
    hints = filter(None, (meant(part, parts), f"parts: {', '.join(parts)}"))
    return mistake("P313", f"the project uses no `{part}`", *hints)
