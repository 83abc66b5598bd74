locals {
  # How many disks of 375 GB each machine type comes with, whether or not they are used.
  local_ssds = {
    a2-ultragpu-1g = 1
    a2-ultragpu-2g = 2
    a2-ultragpu-4g = 4
    a2-ultragpu-8g = 8
    a3-highgpu-1g  = 2
    a3-highgpu-2g  = 4
    a3-highgpu-4g  = 8
    a3-highgpu-8g  = 16
    a3-megagpu-8g  = 16
    a3-ultragpu-8g = 32
    a4-highgpu-8g  = 32
  }
}
