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
    length           = optional(number, 24)
    special          = optional(bool, true)
    override_special = optional(string)
    min_lower        = optional(number, 1)
    min_upper        = optional(number, 1)
    min_numeric      = optional(number, 1)
    min_special      = optional(number, 0)
    keepers          = optional(map(string), {})
  })
  default = {}
}
