# EKS adds what joins the cluster. Ours is only: images and models on the instance's own disks, which are many times as
# fast as EBS; and on Bottlerocket the settings of its device plugin (elsewhere that plugin is a chart, and has its own).

locals {
  al2023 = {
    for name, group in var.groups : name => <<-MIME
      MIME-Version: 1.0
      Content-Type: multipart/mixed; boundary="workaday"

      --workaday
      Content-Type: application/node.eks.aws

      apiVersion: node.eks.aws/v1alpha1
      kind: NodeConfig
      spec:
        instance:
          localStorage:
            strategy: RAID0

      --workaday--
    MIME
    if group.image == "al2023" && group.local_storage
  }

  bottlerocket_groups = { for name, group in var.groups : name => group if group.image == "bottlerocket" }

  # One entry: as two, the second may run first, and the node comes up without the disks.
  bottlerocket_storage = <<-TOML
    [settings.bootstrap-commands.local-storage]
    commands = [
      ["apiclient", "ephemeral-storage", "init"],
      ["apiclient", "ephemeral-storage", "bind", "--dirs", "/var/lib/containerd", "/var/lib/kubelet", "/var/log/pods"],
    ]
    essential = true
    mode = "always"
  TOML

  # Instance family → Bottlerocket's name of its card, for the cards that it can part.
  mig_cards = { p4d = "a100.40gb", p4de = "a100.80gb", p5 = "h100.80gb", p5e = "h200.141gb", p5en = "h200.141gb" }
  mig_card = {
    for name, group in local.bottlerocket_groups :
    name => try(local.mig_cards[split(".", group.instance_types[0])[0]], null)
  }

  bottlerocket_sharing = {
    for name, group in local.bottlerocket_groups : name => {
      none = ""
      # Renamed, models would ask for nvidia.com/gpu.shared here and for nvidia.com/gpu on every other node.
      time_slicing = <<-TOML
        [settings.kubelet-device-plugins.nvidia]
        device-sharing-strategy = "time-slicing"

        [settings.kubelet-device-plugins.nvidia.time-slicing]
        replicas = ${try(coalesce(group.gpu.clients, 1), 1)}
        rename-by-default = false
      TOML
      mig          = <<-TOML
        [settings.kubelet-device-plugins.nvidia]
        device-partitioning-strategy = "mig"

        [settings.kubelet-device-plugins.nvidia.mig.profile]
        "${coalesce(local.mig_card[name], "none")}" = "${try(coalesce(group.gpu.partition, "none"), "none")}"
      TOML
    }[try(group.gpu.share, "none")]
  }

  bottlerocket = {
    for name, group in local.bottlerocket_groups : name => join("\n", compact([
      local.bottlerocket_sharing[name],
      group.local_storage ? local.bottlerocket_storage : "",
    ]))
  }

  user_data = merge(local.al2023, { for name, settings in local.bottlerocket : name => settings if settings != "" })
}
