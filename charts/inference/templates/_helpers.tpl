{{/* Every model over the defaults, with its labels and its Deployment's name, once a render: `.Values.merged`. */}}
{{- define "inference.models" -}}
{{- if not (hasKey .Values "merged") -}}
{{- $merged := list -}}
{{- range .Values.models -}}
{{- $model := deepCopy $.Values.defaults -}}
{{- include "inference.over" (dict "into" $model "from" .) -}}
{{- $_ := set $model "deployment" (printf "%s-predictor" .name) -}}
{{- $_ := set $model "labels" (include "inference.labels" (dict "model" $model "root" $)) -}}
{{- $merged = append $merged $model -}}
{{- end -}}
{{- $_ := set .Values "merged" $merged -}}
{{- end -}}
{{- end -}}

{{/* Maps merge; all else, false and null included, replaces: what sprig's merge leaves out. */}}
{{- define "inference.over" -}}
{{- range $key, $value := .from -}}
{{- $there := index $.into $key -}}
{{- if and (kindIs "map" $value) (kindIs "map" $there) -}}
{{- include "inference.over" (dict "into" $there "from" $value) -}}
{{- else -}}
{{- $_ := set $.into $key $value -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What KServe labels the model's pods with. */}}
{{- define "inference.selector" -}}
app: isvc.{{ .name }}-predictor
{{- end -}}

{{- define "inference.labels" -}}
app.kubernetes.io/name: {{ .model.name }}
app.kubernetes.io/component: {{ .model.kind }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .model.project }}
app.kubernetes.io/part-of: {{ . }}
{{- end }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{/* Pod Security `restricted`, in full, and no file of the image can be changed. */}}
{{- define "inference.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: {{ .readOnlyRoot }}
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "inference.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .user }}
runAsGroup: {{ .user }}
fsGroup: {{ .user }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Requests are limits: a GPU takes no less, and a replica's threads follow from its CPUs. */}}
{{- define "inference.resources" -}}
{{- range list "requests" "limits" }}
{{ . }}:
  cpu: {{ $.cpu | quote }}
  memory: {{ $.memory | quote }}
  {{- if $.gpus }}
  {{ $.gpuResource }}: {{ $.gpus | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "inference.probe" -}}
{{- with .probe.path }}
httpGet:
  path: {{ . }}
  port: http
{{- else }}
tcpSocket:
  port: http
{{- end }}
periodSeconds: {{ .probe.period }}
timeoutSeconds: {{ .probe.timeout }}
failureThreshold: {{ .probe.failures }}
{{- end -}}

{{- define "inference.placement" -}}
{{- with .pools }}
requiredDuringSchedulingIgnoredDuringExecution:
  nodeSelectorTerms:
    - matchExpressions:
        - key: workaday.dev/pool
          operator: In
          values: {{ toJson . }}
{{- end }}
{{- with .preferences }}
preferredDuringSchedulingIgnoredDuringExecution:
  {{- range . }}
  - weight: {{ .weight }}
    preference:
      matchExpressions:
        - key: {{ .label }}
          operator: In
          values: [{{ .value }}]
  {{- end }}
{{- end }}
{{- end -}}

{{- define "inference.tolerations" -}}
{{- range . }}
- key: {{ .key }}
  {{- if kindIs "invalid" .value }}
  operator: Exists
  {{- else }}
  operator: Equal
  value: {{ .value | quote }}
  {{- end }}
  effect: {{ .effect }}
{{- end }}
{{- end -}}
