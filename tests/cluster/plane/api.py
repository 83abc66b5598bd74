"""Kubernetes' API over HTTP: objects in and out as mappings, a watch as an iterator."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from plane.pki import Pair

Object = dict[str, Any]
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


class ApiError(Exception):
    """The API server refused; `code` is HTTP's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Api:
    """One user's view of the API server.

    Args:
        server: its address.
        authority: who signed its certificate.
        user: the certificate to come with.
    """

    def __init__(self, server: str, authority: Path, user: Pair) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(user.certificate, user.key)
        self.http = httpx.Client(base_url=server, verify=context, timeout=30, trust_env=False)

    def get(self, path: str, **query: str) -> Object:
        """Return an object or a list.

        Raises:
            ApiError: there is none, or the API server refuses.
        """
        return self._do("GET", path, query)

    def text(self, path: str) -> str:
        """Return what is no object, such as a log.

        Raises:
            ApiError: see `get`.
        """
        return self._checked(self.http.get(path)).text

    def create(self, path: str, body: Object) -> Object:
        """Create an object in the collection at a path.

        Raises:
            ApiError: it is refused, or there already (409).
        """
        return self._do("POST", path, {}, body)

    def patch(self, path: str, body: Object, kind: str = MERGE, **query: str) -> Object:
        """Change an object; returns it.

        Raises:
            ApiError: see `get`.
        """
        return self._do("PATCH", path, query, body, kind)

    def delete(self, path: str, **options: Any) -> Object:
        """Delete an object, or all of a collection.

        Raises:
            ApiError: see `get`.
        """
        return self._do("DELETE", path, {}, options or None)

    def watch(self, path: str, **query: str) -> Iterator[tuple[str, Object]]:
        """Yield `ADDED` and each object there is, then every change as it comes; ends where the server ends it.

        Raises:
            ApiError, httpx.HTTPError: it broke off.
        """
        found = self.get(path, **query)
        for each in found["items"]:
            yield "ADDED", each
        since = {"watch": "1", "resourceVersion": found["metadata"]["resourceVersion"]}
        with self.http.stream("GET", path, params={**query, **since}, timeout=httpx.Timeout(30, read=None)) as answer:
            for line in answer.iter_lines():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                yield event["type"], event["object"]

    def _do(
        self, verb: str, path: str, query: Mapping[str, str], body: Object | None = None, kind: str = "application/json"
    ) -> Object:
        content = None if body is None else json.dumps(body)
        answer = self.http.request(verb, path, params=query, content=content, headers={"content-type": kind})
        found: Object = self._checked(answer).json()
        return found

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            return answer
        try:
            message = answer.json()["message"]
        except (ValueError, KeyError, TypeError):
            message = answer.text
        raise ApiError(answer.status_code, f"{answer.request.method} {answer.request.url.path}: {message}")
