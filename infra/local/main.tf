locals {
  script           = "${path.module}/process.py"
  environments_dir = "${var.state_dir}/environments"
  run_dir          = "${var.state_dir}/run"

  # What has no layer above it must exist first, and a layer needs its base: two resources, one order.
  layers = { for name, each in var.environments : name => each if name != "base" }
}

# Destroy-time provisioners may only read `self`, so each resource carries in `input` what its end needs. A changed input is an
# update in place, which runs no provisioner: only `triggers_replace` restarts anything.

resource "terraform_data" "base" {
  input = {
    python = var.python
    script = local.script
    folder = "${local.environments_dir}/base"
  }
  triggers_replace = [var.environments["base"].fingerprint]

  provisioner "local-exec" {
    command = join(" ", concat(
      ["\"$PYTHON\" \"$SCRIPT\" environment --python \"$PYTHON\" --folder \"$FOLDER\""],
      var.server_source == null ? [] : ["--server-source \"$SOURCE\""],
    ))
    environment = {
      PYTHON = self.input.python
      SCRIPT = self.input.script
      FOLDER = self.input.folder
      SOURCE = var.server_source == null ? "" : var.server_source
    }
  }

  provisioner "local-exec" {
    when    = destroy
    command = "\"$PYTHON\" \"$SCRIPT\" forget --folder \"$FOLDER\""
    environment = {
      PYTHON = self.input.python
      SCRIPT = self.input.script
      FOLDER = self.input.folder
    }
  }
}

resource "terraform_data" "layer" {
  for_each = local.layers

  input = {
    python = var.python
    script = local.script
    folder = "${local.environments_dir}/${each.key}"
  }
  triggers_replace = [each.value.fingerprint, terraform_data.base.id]

  provisioner "local-exec" {
    command = "\"$PYTHON\" \"$SCRIPT\" environment --python \"$PYTHON\" --folder \"$FOLDER\" --base \"$BASE\" --requirements \"$REQUIREMENTS\""
    environment = {
      PYTHON       = self.input.python
      SCRIPT       = self.input.script
      FOLDER       = self.input.folder
      BASE         = terraform_data.base.input.folder
      REQUIREMENTS = each.value.requirements
    }
  }

  provisioner "local-exec" {
    when    = destroy
    command = "\"$PYTHON\" \"$SCRIPT\" forget --folder \"$FOLDER\""
    environment = {
      PYTHON = self.input.python
      SCRIPT = self.input.script
      FOLDER = self.input.folder
    }
  }
}

resource "terraform_data" "server" {
  for_each = var.processes

  input = {
    python = var.python
    script = local.script
    run    = "${local.run_dir}/${each.key}"
  }
  triggers_replace = [
    each.value.fingerprint,
    each.value.environment == "base" ? terraform_data.base.id : terraform_data.layer[each.value.environment].id,
  ]

  provisioner "local-exec" {
    command = "\"$PYTHON\" \"$SCRIPT\" start --environment \"$ENVIRONMENT\" --config \"$CONFIG\" --run \"$RUN\""
    environment = {
      PYTHON      = self.input.python
      SCRIPT      = self.input.script
      RUN         = self.input.run
      CONFIG      = each.value.config
      ENVIRONMENT = "${local.environments_dir}/${each.value.environment}"
    }
  }

  provisioner "local-exec" {
    when    = destroy
    command = "\"$PYTHON\" \"$SCRIPT\" stop --run \"$RUN\""
    environment = {
      PYTHON = self.input.python
      SCRIPT = self.input.script
      RUN    = self.input.run
    }
  }
}

resource "terraform_data" "model" {
  for_each = var.models

  input = {
    python = var.python
    script = local.script
    run    = terraform_data.server[each.value.process].input.run
    config = var.processes[each.value.process].config
    model  = each.key
  }
  # A new server process has loaded nothing yet: its models are waited for again.
  triggers_replace = [each.value.revision, terraform_data.server[each.value.process].id]

  provisioner "local-exec" {
    command = "\"$PYTHON\" \"$SCRIPT\" load --run \"$RUN\" --model \"$MODEL\" --revision \"$REVISION\" --timeout \"$TIMEOUT\""
    environment = {
      PYTHON   = self.input.python
      SCRIPT   = self.input.script
      RUN      = self.input.run
      MODEL    = each.key
      REVISION = each.value.revision
      TIMEOUT  = tostring(each.value.timeout_seconds)
    }
  }

  provisioner "local-exec" {
    when    = destroy
    command = "\"$PYTHON\" \"$SCRIPT\" unload --run \"$RUN\" --config \"$CONFIG\" --model \"$MODEL\""
    environment = {
      PYTHON = self.input.python
      SCRIPT = self.input.script
      RUN    = self.input.run
      CONFIG = self.input.config
      MODEL  = self.input.model
    }
  }
}
