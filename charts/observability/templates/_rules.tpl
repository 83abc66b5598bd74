{{/* Labels and annotations that every alert has; the namespace is what AlertmanagerConfig routes by. */}}
{{- define "observability.alert" -}}
labels:
  severity: {{ .severity }}
  namespace: {{ .root.Release.Namespace }}
  {{- with .model }}
  model: {{ . }}
  {{- end }}
  {{- with .pool }}
  pool: {{ . }}
  {{- end }}
  {{- with .window }}
  window: {{ . }}
  {{- end }}
annotations:
  summary: {{ .summary | quote }}
  runbook_url: {{ printf "%s/%s.md" (trimSuffix "/" .root.Values.runbooks) .name }}
{{- end -}}

{{/* A promise is broken so fast that it is told: much of it in an hour, less in six, a little in three days. */}}
{{- define "observability.burns" -}}
{{- $it := . }}
{{- range list (dict "factor" "14.4" "long" "1h" "short" "5m" "severity" "page") (dict "factor" "6" "long" "6h" "short" "30m" "severity" "page") (dict "factor" "1" "long" "3d" "short" "6h" "severity" "ticket") }}
- alert: {{ $it.name }}
  expr: |-
    workaday:{{ $it.ratio }}:ratio_rate{{ .long }}{namespace="{{ $it.root.Release.Namespace }}",model="{{ $it.model }}"} > {{ .factor }} * {{ $it.budget }}
    and workaday:{{ $it.ratio }}:ratio_rate{{ .short }}{namespace="{{ $it.root.Release.Namespace }}",model="{{ $it.model }}"} > {{ .factor }} * {{ $it.budget }}
  {{- include "observability.alert" (dict "root" $it.root "name" $it.name "model" $it.model "severity" .severity "window" .long "summary" (printf "%s: in the last %s %s at %s times what is promised" $it.model .long $it.what .factor)) | nindent 2 }}
{{- end }}
{{- end -}}
