"""EKS: nodes. The cluster, its network and storage are in `aws_base.py`, who may do what in `aws_access.py`."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from policies import Plan, Rule
from policies.mutations import put, without
from policies.reading import Values, resources, values, wants

ALL = ("minimal", "gpu", "spot", "auto", "existing_network", "private", "everything")
GROUPED = ("gpu", "spot", "existing_network", "everything")
SPOT = ("spot", "existing_network", "everything")


def _of(*profiles: str) -> tuple[str, ...]:
    return tuple(f"aws/{each}" for each in profiles)


def _groups(plan: Plan, capacity: str | None = None) -> Iterator[Values]:
    for each in resources(plan, "aws_eks_node_group"):
        if capacity is None or each["values"]["capacity_type"] == capacity:
            yield each


def _taints(group: Values) -> set[tuple[str, str, str]]:
    return {(each["key"], each["value"], each["effect"]) for each in group["values"]["taint"]}


def _template(plan: Plan, group: Values) -> Values:
    return values(plan, "aws_launch_template", f"[{group['address'].rpartition('[')[2]}")


def spot_is_marked(plan: Plan) -> list[str]:
    """Spot nodes have the label and the taint: only what stands being called back lands there."""
    found: list[str] = []
    for group in _groups(plan, "SPOT"):
        labelled = group["values"]["labels"].get("workaday.dev/capacity") == "spot"
        tainted = ("workaday.dev/capacity", "spot", "NO_SCHEDULE") in _taints(group)
        found += wants(not labelled or not tainted, group, "spot without its label or taint")
    return found


def spot_has_a_fallback(plan: Plan) -> list[str]:
    """Beside a pool's spot group is one on demand that can carry all of it."""
    most: dict[str, int] = {}
    for group in _groups(plan, "ON_DEMAND"):
        pool = group["values"]["labels"]["workaday.dev/pool"]
        most[pool] = group["values"]["scaling_config"][0]["max_size"]
    return [
        f"{group['address']}: nothing on demand takes over from it"
        for group in _groups(plan, "SPOT")
        if most.get(group["values"]["labels"]["workaday.dev/pool"], 0)
        < group["values"]["scaling_config"][0]["max_size"]
    ]


def spot_has_three_types(plan: Plan) -> list[str]:
    """Each type is a further chance of a node."""
    return [
        f"{group['address']}: {len(group['values']['instance_types'])} instance types"
        for group in _groups(plan, "SPOT")
        if len(group["values"]["instance_types"]) < 3
    ]


def system_is_never_spot(plan: Plan) -> list[str]:
    found = [each for each in _groups(plan) if each["name"] == "system"]
    bad = [
        f"{each['address']}: controllers on spot" for each in found if each["values"]["capacity_type"] != "ON_DEMAND"
    ]
    return bad or ([] if found else ["no system node group"])


def block_is_in_one_zone(plan: Plan) -> list[str]:
    """A capacity block: one subnet, its id, its market, and its type in the launch template alone."""
    found: list[str] = []
    for group in _groups(plan, "CAPACITY_BLOCK"):
        template = _template(plan, group)
        market = [each["market_type"] for each in template["instance_market_options"]]
        found += wants(len(group["values"]["subnet_ids"]) != 1, group, "a capacity block in several zones")
        found += wants(market != ["capacity-block"], group, "not bought from the block")
        found += wants(not template["capacity_reservation_specification"], group, "names no block")
        found += wants(bool(group["values"].get("instance_types")) or not template["instance_type"], group, "two types")
    return found


def gpus_are_kept_for_gpu_work(plan: Plan) -> list[str]:
    """GPU groups have NVIDIA's image and the taint; others have neither."""
    wanted = {name for name, each in plan["variables"]["node_groups"]["value"].items() if each.get("gpu")}
    found: list[str] = []
    for group in _groups(plan):
        is_gpu = group.get("index") in wanted
        found += wants(group["values"]["ami_type"].endswith("_NVIDIA") != is_gpu, group, "the wrong image")
        tainted = ("nvidia.com/gpu", "present", "NO_SCHEDULE") in _taints(group)
        found += wants(tainted != is_gpu, group, "the GPU taint where it should not be, or not where it should")
    return found


def images_fit_the_processor(plan: Plan) -> list[str]:
    """Arm types have Arm images."""
    arm = ("m6g.", "m7g.", "m8g.", "c7g.", "t4g.", "g5g.")
    return [
        f"{group['address']}: {group['values']['ami_type']}"
        for group in _groups(plan)
        if any(each.startswith(arm) for each in group["values"].get("instance_types") or ())
        != ("_ARM_64_" in group["values"]["ami_type"])
    ]


def zero_can_grow(plan: Plan) -> list[str]:
    """The autoscaler is told what a node of an empty GPU group would have."""
    told = {each["index"].split("/")[0] for each in resources(plan, "aws_autoscaling_group_tag")}
    gpus = {
        each["index"].split("/")[0]
        for each in resources(plan, "aws_autoscaling_group_tag")
        if each["index"].endswith("/resources/nvidia.com/gpu")
    }
    asked = plan["variables"]["node_groups"]["value"]
    whole = {name for name, each in asked.items() if each.get("gpu") and each["gpu"]["share"] != "mig"}
    return [f"{name}: no hints" for name in sorted((set(asked) - told) | (whole - gpus))]


def shared_gpus_count_more(plan: Plan) -> list[str]:
    """Bottlerocket's own device plugin is told to share, without renaming what models ask for."""
    found: list[str] = []
    for name, group in plan["variables"]["node_groups"]["value"].items():
        if group["image"] == "bottlerocket" and (group.get("gpu") or {}).get("share") == "time_slicing":
            written = values(plan, "aws_launch_template", f'["{name}"]').get("user_data") or ""
            text = base64.b64decode(written).decode()
            wanted = (f"replicas = {group['gpu']['clients']}", "rename-by-default = false")
            found += [f"{name}: without `{each}`" for each in wanted if each not in text]
    return found


def disks_are_encrypted(plan: Plan) -> list[str]:
    return [
        f"{each['address']}: {disk['device_name']} is not encrypted"
        for each in resources(plan, "aws_launch_template")
        for disk in each["values"]["block_device_mappings"] or [{"device_name": "no disk", "ebs": [{}]}]
        if str(disk["ebs"][0].get("encrypted")) != "true"
    ]


def metadata_is_closed_to_pods(plan: Plan) -> list[str]:
    """IMDSv2 at hop 1 on every template, and no node group without a template."""
    found: list[str] = []
    for each in resources(plan, "aws_launch_template"):
        options = (each["values"]["metadata_options"] or [{}])[0]
        closed = options.get("http_tokens") == "required" and options.get("http_put_response_hop_limit") == 1
        found += wants(not closed, each, "pods reach the node's credentials")
    for group in _groups(plan):
        found += wants(not group["values"]["launch_template"], group, "no launch template")
    return found


RULES = (
    Rule("aws-spot-is-marked", spot_is_marked, put("aws_eks_node_group", '["gpu-spot"]', "taint", to=[]), _of(*SPOT)),
    Rule(
        "aws-spot-has-a-fallback",
        spot_has_a_fallback,
        without("aws_eks_node_group", '["gpu-on-demand"]'),
        _of("spot", "existing_network"),
    ),
    Rule(
        "aws-spot-has-three-types",
        spot_has_three_types,
        put("aws_eks_node_group", '["gpu-spot"]', "instance_types", to=["g6.xlarge"]),
        _of(*SPOT),
    ),
    Rule(
        "aws-system-is-never-spot",
        system_is_never_spot,
        put("aws_eks_node_group", ".system", "capacity_type", to="SPOT"),
        _of(*ALL),
    ),
    Rule(
        "aws-block-is-in-one-zone",
        block_is_in_one_zone,
        put("aws_eks_node_group", '["block-reserved"]', "subnet_ids", to=[None, None]),
        _of("everything"),
    ),
    Rule(
        "aws-block-is-bought-from",
        block_is_in_one_zone,
        put("aws_launch_template", '["block-reserved"]', "instance_market_options", to=[]),
        _of("everything"),
    ),
    Rule(
        "aws-gpus-are-kept-for-gpu-work",
        gpus_are_kept_for_gpu_work,
        put("aws_eks_node_group", '["gpu-on-demand"]', "ami_type", to="AL2023_x86_64_STANDARD"),
        _of(*GROUPED),
    ),
    Rule(
        "aws-images-fit-the-processor",
        images_fit_the_processor,
        put("aws_eks_node_group", ".system", "ami_type", to="AL2023_x86_64_STANDARD"),
        _of("everything", *ALL[:-1]),
    ),
    Rule(
        "aws-zero-can-grow",
        zero_can_grow,
        without("aws_autoscaling_group_tag", 'gpu-on-demand/resources/nvidia.com/gpu"]'),
        _of(*GROUPED),
    ),
    Rule(
        "aws-shared-gpus-count-more",
        shared_gpus_count_more,
        put("aws_launch_template", '["shared-spot"]', "user_data", to=None),
        _of("everything"),
    ),
    Rule(
        "aws-disks-are-encrypted",
        disks_are_encrypted,
        put("aws_launch_template", ".system", "block_device_mappings", 0, "ebs", 0, "encrypted", to="false"),
        _of(*ALL),
    ),
    Rule(
        "aws-metadata-is-closed-to-pods",
        metadata_is_closed_to_pods,
        put("aws_launch_template", ".system", "metadata_options", 0, "http_put_response_hop_limit", to=2),
        _of(*ALL),
    ),
)
