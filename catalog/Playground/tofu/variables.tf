# Every module of the catalogue gets the resource's metadata; none has to use it.
variable "metadata" {
  description = "Of the cloud resource: name, slug, id, org, env, labels."
  type = object({
    name   = string
    slug   = optional(string, "")
    id     = optional(string, "")
    org    = optional(string, "")
    env    = optional(string, "")
    labels = optional(map(string), {})
  })
}

variable "spec" {
  type = object({
    message       = optional(string, "")
    count         = optional(number, 1)
    triggers      = optional(map(string), {})
    sleep_seconds = optional(number, 0)
    fail_at       = optional(string, "none")
  })
  default = {}
}
