"""Say what Terraform's failure means at the line of project.yaml that it comes from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workaday.execute.terraform import Event, TerraformFailure
from workaday.project.diagnostics import Diagnostic, KeyPath, ProjectError
from workaday.render.origins import ORIGINS, Origins, parse

if TYPE_CHECKING:
    from workaday.execute.workspace import Workspace

# process.py prints `error: …` as its last words; local-exec wraps them in a paragraph about itself.
OWN_WORDS = re.compile(r"Output: (?:.*\n)*?error: (?P<message>(?:.|\n)+)\Z")


@contextmanager
def at_its_origin(workspace: Workspace) -> Iterator[None]:
    """Turn a TerraformFailure into a ProjectError that points into project.yaml, by the tree's origin table."""
    try:
        yield
    except TerraformFailure as failure:
        try:
            origins = parse((workspace.tree / ORIGINS).read_bytes())
        except (OSError, ValueError):
            origins = Origins()
        root = workspace.terraform_root.relative_to(workspace.tree).as_posix()
        found = as_project_error(failure, lambda address: origins.lookup(root, address))
        raise ProjectError(found.diagnostics, workspace.loaded.sources) from None


def as_project_error(
    failure: TerraformFailure, origin: Callable[[str], KeyPath | None] = lambda address: None
) -> ProjectError:
    """Return a failure as findings: the program's own words where it had any, Terraform's elsewhere.

    `origin` gives the key path of a resource's address.
    """
    if failure.diagnostics:
        return ProjectError([_finding(each, origin(each.get("address", ""))) for each in failure.diagnostics])
    return ProjectError([Diagnostic(code="X110", message=f"terraform {failure.verb} failed: {failure.output}")])


def _finding(raw: Event, key: KeyPath | None) -> Diagnostic:
    address, detail = raw.get("address", ""), raw.get("detail", "")
    path = key or ()
    words = OWN_WORDS.search(detail)
    if words:
        return Diagnostic(
            code="L110",
            message=f"{_who(address)}: {words['message'].strip()}",
            path=path,
            hints=("run `workaday apply` again once that is mended: it goes on from here",),
        )
    where = f": {address}" if address else ""
    return Diagnostic(code="X110", message=f"terraform: {raw['summary']}{where}\n{detail}".rstrip(), path=path)


def _who(address: str) -> str:
    found = re.search(r'terraform_data\.(\w+)(?:\["(.+)"\])?$', address)
    return f"{found[1]} `{found[2]}`" if found and found[2] else (found[1] if found else address)
