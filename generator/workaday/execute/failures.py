"""Say what Terraform's failure means at the line of project.yaml that it comes from."""

from __future__ import annotations

import re

from workaday.execute.terraform import Event, TerraformFailure
from workaday.project.diagnostics import Diagnostic, ProjectError

# process.py prints `error: …` as its last words; local-exec wraps them in a paragraph about itself.
OWN_WORDS = re.compile(r"Output: (?:.*\n)*?error: (?P<message>(?:.|\n)+)\Z")


def as_project_error(failure: TerraformFailure) -> ProjectError:
    """Return a failure as findings: the program's own words where it had any, Terraform's elsewhere."""
    if failure.diagnostics:
        return ProjectError([_finding(each) for each in failure.diagnostics])
    return ProjectError([Diagnostic(code="X110", message=f"terraform {failure.verb} failed: {failure.output}")])


def _finding(raw: Event) -> Diagnostic:
    address, detail = raw.get("address", ""), raw.get("detail", "")
    words = OWN_WORDS.search(detail)
    if words:
        return Diagnostic(
            code="L110",
            message=f"{_who(address)}: {words['message'].strip()}",
            hints=("run `workaday apply` again once that is mended: it goes on from here",),
        )
    return Diagnostic(code="X110", message=f"terraform: {raw['summary']}{': ' + address if address else ''}\n{detail}".rstrip())


def _who(address: str) -> str:
    found = re.search(r'terraform_data\.(\w+)(?:\["(.+)"\])?$', address)
    return f"{found[1]} `{found[2]}`" if found and found[2] else (found[1] if found else address)
