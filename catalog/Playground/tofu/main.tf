# Only the built-in terraform_data: needs no provider, no network and no credentials.
terraform {
  required_version = ">= 1.6"
}

# A number of its own address in each item, so that lists of changes have something to show.
resource "terraform_data" "item" {
  count = var.spec.count

  input            = { message = var.spec.message, number = count.index }
  triggers_replace = var.spec.triggers
}

# What takes time or fails. Provisioners run at creation only, so a change of what it depends on replaces it.
resource "terraform_data" "action" {
  count = var.spec.sleep_seconds > 0 || var.spec.fail_at != "none" ? 1 : 0

  triggers_replace = [var.spec.message, var.spec.triggers, var.spec.sleep_seconds, var.spec.fail_at]

  lifecycle {
    precondition {
      condition     = var.spec.fail_at != "plan"
      error_message = "failAt is plan: this plan fails on purpose."
    }
  }

  # The values go by environment: a message is never read by the shell.
  provisioner "local-exec" {
    command = "printf 'Playground: %s; sleeping %s s\\n' \"$MESSAGE\" \"$SECONDS_TO_SLEEP\"; sleep \"$SECONDS_TO_SLEEP\"; if [ \"$FAIL_AT\" = apply ]; then echo 'failAt is apply: this apply fails on purpose.' >&2; exit 1; fi; echo 'Playground: done'"
    environment = {
      MESSAGE          = var.spec.message
      SECONDS_TO_SLEEP = var.spec.sleep_seconds
      FAIL_AT          = var.spec.fail_at
    }
  }
}
