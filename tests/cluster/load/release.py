"""A model as the product renders it for a cloud: its Helm release, and what stands in for its image."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from plane import programs
from plane.plane import Plane
from plane.pods import ProcessNode

from workaday.execute.workspace import open_workspace
from workaday.render import render

MODEL = "fast"
DEPLOYMENT = f"{MODEL}-predictor"
POOL = "live"
NOBODY = "00000000-0000-0000-0000-000000000000"
ACCESS = 'access: {endpoint: private, via: vpn, admins: ["%s"]}'
PLATFORMS = {
    "aws": f"{{kind: aws, region: us-east-1, account: '111122223333', {ACCESS % 'arn:aws:iam::111122223333:role/x'}}}",
    "gcp": f"{{kind: gcp, region: us-central1, project: house-prod, {ACCESS % 'group:a@b.example'}}}",
    "azure": f"{{kind: azure, region: westeurope, subscription: {NOBODY}, {ACCESS % NOBODY}}}",
}
INSTANCES = {"aws": "m7i.xlarge", "gcp": "n2-standard-4", "azure": "Standard_D4s_v5"}
PREDICTOR = """\
import os
import random
import time


class Predictor:
    def __init__(self, config):
        self.word = config["word"]

    def predict(self, payload):
        time.sleep(random.uniform(0.02, 0.05))
        return {"word": self.word, "asked": payload["asked"], "process": os.getpid()}
"""
PROJECT = """\
version: 1
name: house
namespace: NAMESPACE
platform: PLATFORM
registry: {prefix: registry.example/NAMESPACE}
pools:
  - {name: POOL, instances: [INSTANCE], nodes: {max: 40}, spot: true}
models:
  - name: MODEL
    server: {kind: torch, predictor: models/fast/predictor.py}
    config: {word: WORD}
    compute: {cpu: 1, memory: 1Gi}
    scale: SCALE
    limits: {concurrency: 16, queue: 1000, timeout: 10s}
    route: {path: /fast}
"""
GATEWAY = "gateway: {host: house.example}\n"


class Release:
    """The model's release in a namespace.

    Args:
        plane: where it is installed.
        folder: for the project and the rendered tree.
        namespace: its own.
        cloud: whose project it is; it decides the drain, the grace and the taints.
        scale: `models[].scale` of the project.
        pool: the pool's name.
        gateway: the model has an address there.
    """

    def __init__(
        self,
        plane: Plane,
        folder: Path,
        namespace: str,
        cloud: str,
        scale: str,
        pool: str = POOL,
        *,
        gateway: bool = False,
    ) -> None:
        self.plane, self.folder, self.namespace = plane, folder, namespace
        self.cloud, self.scale, self.pool = cloud, scale, pool
        self.project = PROJECT + (GATEWAY if gateway else "")

    def rendered(self, word: str) -> dict[str, Any]:
        """Render the project, with a word that makes a revision of the model; returns its release's values."""
        predictor = self.folder / "models" / MODEL / "predictor.py"
        predictor.parent.mkdir(parents=True, exist_ok=True)
        predictor.write_text(PREDICTOR)
        text = self.project
        own = {"NAMESPACE": self.namespace, "PLATFORM": PLATFORMS[self.cloud], "INSTANCE": INSTANCES[self.cloud]}
        for name, value in {**own, "POOL": self.pool, "MODEL": MODEL, "WORD": word, "SCALE": self.scale}.items():
            text = text.replace(name, value)
        (self.folder / "project.yaml").write_text(text)
        tree = render(open_workspace(self.folder / "project.yaml", None).blueprint)
        for path, content in tree.items():
            if path.startswith("charts/"):
                (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / path).write_bytes(content)
        values: dict[str, Any] = json.loads(tree[f"releases/{MODEL}.json"])
        return values

    def install(self, word: str, *, drain: bool = True, **values: Any) -> None:
        """Install or upgrade the release by Helm, as it is rendered.

        Args:
            word: of the revision.
            drain: False switches the server's drain off.
            values: keys of the model's values that a test has otherwise; mappings are merged.
        """
        rendered = self.rendered(word)
        (model,) = rendered["models"]
        if not drain:
            model["config"]["drain_seconds"] = 0.0
        for key, value in values.items():
            model[key] = {**model[key], **value} if isinstance(value, dict) else value
        # the server's image: this machine's Python, and the project's files where the image would have them
        python = Path(sys.executable).parent
        image = model["image"].rsplit(":", 1)[0]
        path = os.pathsep.join([str(python), "/usr/bin", "/bin"])
        ProcessNode(self.plane).image(image, (), {"/workaday": self.folder}, {"PATH": path, "PYTHONUNBUFFERED": "1"})
        self.helm("upgrade", "--install", MODEL, str(self.folder / "charts" / "inference"), given=json.dumps(rendered))

    def helm(self, *arguments: str, given: str) -> None:
        """Run helm in the namespace, with values on its standard input."""
        homes = {f"HELM_{kind}_HOME": str(self.plane.folder / "helm") for kind in ("CACHE", "CONFIG", "DATA")}
        command = [str(programs.find("helm")), *arguments, "--namespace", self.namespace, "--values", "-"]
        env = {**os.environ, **homes, "KUBECONFIG": str(self.plane.kubeconfig)}
        done = subprocess.run(command, input=given, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def scale_to(self, replicas: int) -> None:
        """Have so many replicas, as an autoscaler says it: by the deployment's `scale`."""
        where = f"--namespace={self.namespace}"
        self.plane.kubectl("scale", f"deployment/{DEPLOYMENT}", f"--replicas={replicas}", where)

    def settled(self, replicas: int) -> bool:
        """Return whether exactly so many replicas of the newest revision are available and none of another."""
        found = self.plane.kubectl.get("deployment", DEPLOYMENT, self.namespace)
        status = found["status"]
        counts = [status.get(each, 0) for each in ("replicas", "updatedReplicas", "availableReplicas")]
        return status.get("observedGeneration") == found["metadata"]["generation"] and set(counts) == {replicas}
