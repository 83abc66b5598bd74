{{- define "team.labels" -}}
app.kubernetes.io/name: team
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.project }}
app.kubernetes.io/part-of: {{ . }}
{{- end }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}
