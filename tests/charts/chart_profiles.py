"""Projects whose charts are looked at: nearly every key on every platform, and every kind of server."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workaday.execute.workspace import open_workspace
from workaday.render import render

FULL = Path(__file__).parents[1] / "golden" / "project" / "full"
ACCESS = 'access: {endpoint: private, via: vpn, admins: ["%s"]}'
NOBODY = "00000000-0000-0000-0000-000000000000"
PLATFORMS = {
    "aws": f"{{kind: aws, region: us-east-1, account: '111122223333', {ACCESS % 'arn:aws:iam::111122223333:role/x'}}}",
    "gcp": f"{{kind: gcp, region: us-central1, project: dungeon-prod, {ACCESS % 'group:a@b.example'}}}",
    "azure": f"{{kind: azure, region: westeurope, subscription: {NOBODY}, {ACCESS % NOBODY}}}",
    "existing": "{kind: existing, context: prod}",
}
CPUS = {"aws": "m7i.xlarge", "gcp": "n2-standard-4", "azure": "Standard_D4s_v5", "existing": "any"}
WEIGHTS = {"aws": "s3://dungeon-models/gpt2-xl", "gcp": "gs://dungeon-models/gpt2-xl"}
PREDICTOR = "class Predictor:\n    def predict(self, payload):\n        return payload\n"
KINDS = """\
version: 1
name: dungeon
platform: PLATFORM
registry: {prefix: ghcr.io/team, pull_secret: pull}
gateway: {host: api.dungeon.example}
pools:
  - {name: gpu, accelerator: {type: T4, count: 4}, nodes: {max: 90}, spot: true}
  - {name: cpu, instances: [CPU], nodes: {max: 90}}
models:
  - name: own
    server: {kind: torch, predictor: models/story/predictor.py, grpc: true}
    scale: {min: 2, max: 6, metric: latency, target: 300ms, schedule: [{cron: "0 22 * * 1-5", for: 8h, min: 4}]}
  - name: llm
    server: {kind: vllm, args: {quantization: awq, enforce-eager: true}}
    weights: {uri: "hf://org/model"}
    compute: {cpu: 2, memory: 8Gi, gpu: {type: T4, count: 4}}
    scale: {max: 4, metric: tokens, target: 500}
    env: {VLLM_LOGGING_LEVEL: INFO}
  - {name: hub, server: {kind: huggingface, task: text-classification}, weights: {uri: "hf://org/model"}}
  - {name: server, server: {kind: triton}, weights: {uri: "pvc://models/triton"}, scale: {min: 3, max: 5, headroom: 2}}
  - {name: saved, server: {kind: tensorflow}, weights: {uri: "https://example.com/model.tar.gz"}, compute: {cpu: 1500m}}
  - {name: archive, server: {kind: torchserve}, weights: {uri: "oci://ghcr.io/team/archive"}, compute: {gpu: T4}}
  - name: any
    server: {kind: container, image: "ghcr.io/team/any:1", command: [serve], args: ["--x=<y>"], port: 9000, ready: /up}
    secrets: {TOKEN: {secret: hub, key: token}}
    rollout: {max_surge: 0, max_unavailable: 25%}
"""
ASLEEP = """\
version: 1
name: dungeon
platform: PLATFORM
registry: {prefix: ghcr.io/team}
gateway: {host: api.dungeon.example}
models:
  - name: own
    server: {kind: torch, predictor: models/story/predictor.py}
    scale: {min: 0, max: 4}
"""
NAMES = [f"{shape}-{platform}" for platform in PLATFORMS for shape in ("full", "kinds")]


def project(name: str) -> str:
    """Return the project file of a profile such as `full-aws`."""
    shape, _, platform = name.partition("-")
    if shape in ("kinds", "asleep"):
        text = {"kinds": KINDS, "asleep": ASLEEP}[shape].replace("PLATFORM", PLATFORMS[platform])
    else:
        text = (FULL / "project.yaml").read_text("utf-8")
        text = re.sub(r"(?ms)^platform:.*?(?=^addons:)", f"platform: {PLATFORMS[platform]}\n", text)
        text = text.replace("type: L4", "type: T4").replace("g6.xlarge", "x")  # each of the clouds has a T4
        text = text.replace("m7i.xlarge", "CPU").replace(
            "s3://dungeon-models/gpt2-xl", WEIGHTS.get(platform, "hf://a/b")
        )
    return text.replace("CPU", CPUS[platform])


def tree(name: str, folder: Path, edit: Callable[[str], str] = str) -> dict[str, bytes]:
    """Return the rendered tree of a profile, edited and written as a project to an empty folder."""
    shutil.copytree(FULL, folder, dirs_exist_ok=True)
    (folder / "models" / "story").mkdir(parents=True, exist_ok=True)
    (folder / "models" / "story" / "predictor.py").write_text(PREDICTOR)
    (folder / "project.yaml").write_text(edit(project(name)))
    return render(open_workspace(folder / "project.yaml", None).blueprint)


def values(rendered: dict[str, bytes]) -> dict[str, Any]:
    """Return the values of all releases of models of a tree as those of one; others name models too."""
    releases = [json.loads(content) for path, content in sorted(rendered.items()) if path.startswith("releases/")]
    return {"models": [model for release in releases for model in release.get("models", ()) if "image" in model]}
