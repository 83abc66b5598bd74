module workaday/tools/provider-behaviour

go 1.24
