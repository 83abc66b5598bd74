{{- define "gateway.labels" -}}
app.kubernetes.io/name: gateway
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.project }}
app.kubernetes.io/part-of: {{ . }}
{{- end }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{/* The listener that models' routes attach to. */}}
{{- define "gateway.listener" -}}
{{ if .Values.door.tls }}https{{ else }}http{{ end }}
{{- end -}}

{{- define "gateway.cors" -}}
{{- with .Values.auth.cors }}
cors:
  allowOrigins: {{ toJson . }}
  allowMethods: [GET, POST]
  allowHeaders: [authorization, content-type, x-api-key, x-workaday-model]
  maxAge: 1h
{{- end }}
{{- end -}}
