"""A kubelet whose pods are processes of this machine: one network namespace a pod, one file system a container."""
