package main

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const deployFolder = "../../deploy/"

// TestDeployCompose holds compose.yaml, and the configuration of the proxy beside it, against the program.
func TestDeployCompose(t *testing.T) {
	compose := parseDeployed(t, "compose.yaml")
	latchkey, proxy := compose.at(t, "services", "latchkey"), compose.at(t, "services", "proxy")
	var environ []string
	for name, value := range latchkey.at(t, "environment").value.(map[string]any) {
		fallback := regexp.MustCompile(`\$\{\w+:-(.*)\}`)
		environ = append(environ, name+"="+fallback.ReplaceAllString(fmt.Sprint(value), "$1"))
	}
	settings := settingsOf(t, "/run/secrets/", nil, environ)

	known := compose.at(t, "secrets").value.(map[string]any)
	for name, service := range compose.at(t, "services").value.(map[string]any) {
		secrets, _ := service.(map[string]any)["secrets"].([]any)
		for _, secret := range secrets {
			if known[secret.(string)] == nil {
				t.Errorf("%s wants the secret %s, which there is not", name, secret)
			}
		}
	}
	for _, option := range []string{"database-url-file", "master-key-file"} {
		secret := strings.TrimPrefix(settings[option], "/run/secrets/")
		if !slices.Contains(latchkey.at(t, "secrets").value.([]any), any(secret)) {
			t.Errorf("--%s is not given the secret %s", option, secret)
		}
	}
	if address := proxy.text(t, "networks", "default", "ipv4_address"); settings["trusted-proxies"] != address+"/32" {
		t.Errorf("the proxy is at %s, and believed is %s", address, settings["trusted-proxies"])
	}

	haproxy := readDeployed(t, "haproxy.cfg")
	for _, want := range []string{
		"bind " + strings.TrimPrefix(proxy.text(t, "ports", 0), "8443"), // The published port is the one it listens on.
		" latchkey" + settings["addr"] + " ",
		"crt /run/secrets/" + proxy.text(t, "secrets", 0) + " ",
	} {
		if !strings.Contains(haproxy, want) {
			t.Errorf("haproxy.cfg lacks %q", want)
		}
	}
}

// TestDeployKubernetes holds the manifests against the program, and against each other.
func TestDeployKubernetes(t *testing.T) {
	const folder = "kubernetes/"
	listed := []string{"kustomization.yaml", "latchkey.yaml"}
	for _, name := range parseDeployed(t, folder+"kustomization.yaml").at(t, "resources").value.([]any) {
		listed = append(listed, name.(string))
	}
	var present []string
	files, _ := filepath.Glob(deployFolder + folder + "*")
	for _, file := range files {
		present = append(present, filepath.Base(file))
	}
	if slices.Sort(listed); !slices.Equal(listed, present) {
		t.Errorf("kustomization.yaml makes use of %v, and there are %v", listed, present)
	}

	deployment := parseDeployed(t, folder+"deployment.yaml")
	pod := deployment.at(t, "spec", "template", "spec")
	container := pod.at(t, "containers", 0)
	mounts := make(map[string]string)
	for i := range container.at(t, "volumeMounts").value.([]any) {
		mounts[container.text(t, "volumeMounts", i, "name")] = container.text(t, "volumeMounts", i, "mountPath")
	}
	args := []string{"serve", "--config=" + mounts["config"] + "/latchkey.yaml"}
	if got := fmt.Sprint(container.at(t, "args").value); got != fmt.Sprint(args) {
		t.Errorf("the container runs %s, want %v", got, args)
	}
	settings := settingsOf(t, mounts["secret"]+"/", []string{"--config=" + deployFolder + folder + "latchkey.yaml"}, nil)

	ports := make(map[string]string)
	for i := range container.at(t, "ports").value.([]any) {
		ports[container.text(t, "ports", i, "name")] = ":" + container.text(t, "ports", i, "containerPort")
	}
	if want := map[string]string{"http": settings["addr"], "metrics": settings["metrics-addr"]}; !maps.Equal(ports, want) {
		t.Errorf("the container's ports are %v, the program's %v", ports, want)
	}
	policy := parseDeployed(t, folder+"networkpolicy.yaml")
	ingress := parseDeployed(t, folder+"ingress.yaml").at(t, "spec")
	backend := ingress.at(t, "rules", 0, "http", "paths", 0, "backend", "service")
	service := parseDeployed(t, folder+"service.yaml")
	for what, port := range map[string]string{
		"the Service":                    service.text(t, "spec", "ports", 0, "targetPort"),
		"the Ingress":                    backend.text(t, "port", "name"),
		"the NetworkPolicy for clients":  policy.text(t, "spec", "ingress", 0, "ports", 0, "port"),
		"the startup probe":              container.text(t, "startupProbe", "httpGet", "port"),
		"the liveness probe":             container.text(t, "livenessProbe", "httpGet", "port"),
		"the readiness probe":            container.text(t, "readinessProbe", "httpGet", "port"),
		"the port's name of the Service": service.text(t, "spec", "ports", 0, "name"),
	} {
		if port != "http" {
			t.Errorf("%s names the port %s", what, port)
		}
	}
	if port := policy.text(t, "spec", "ingress", 1, "ports", 0, "port"); port != "metrics" {
		t.Errorf("Prometheus is let in at %s", port)
	}
	if name := backend.text(t, "name"); name != service.text(t, "metadata", "name") {
		t.Errorf("the Ingress leads to %s", name)
	}
	for what, host := range map[string]string{
		"rule": ingress.text(t, "rules", 0, "host"), "certificate": ingress.text(t, "tls", 0, "hosts", 0),
	} {
		if settings["issuer"] != "https://"+host {
			t.Errorf("the Ingress's %s is for %s, and the issuer is %s", what, host, settings["issuer"])
		}
	}
	labels := fmt.Sprint(deployment.at(t, "spec", "template", "metadata", "labels").value)
	for what, selector := range map[string]any{
		"the Deployment":          deployment.at(t, "spec", "selector", "matchLabels").value,
		"the Service":             service.at(t, "spec", "selector").value,
		"the NetworkPolicy":       policy.at(t, "spec", "podSelector", "matchLabels").value,
		"the PodDisruptionBudget": parseDeployed(t, folder+"disruption.yaml").at(t, "spec", "selector", "matchLabels").value,
	} {
		if fmt.Sprint(selector) != labels {
			t.Errorf("%s selects %v, and the pods are %s", what, selector, labels)
		}
	}
}

// TestDeployProbes asks a running server at every path that something in deploy/ probes.
func TestDeployProbes(t *testing.T) {
	p := startProgram(t, sharedPostgres.NewDatabase(t))
	paths := regexp.MustCompile(`(?:httpGet: \{path: |httpchk GET )(/\w+)`)
	found := 0
	for _, name := range []string{"haproxy.cfg", "kubernetes/deployment.yaml"} {
		for _, path := range paths.FindAllStringSubmatch(readDeployed(t, name), -1) {
			found++
			response, err := http.Get(p.issuer + path[1])
			if err != nil {
				t.Fatal(err)
			}
			if response.Body.Close(); response.StatusCode != http.StatusOK {
				t.Errorf("%s probes %s, which answers %d", name, path[1], response.StatusCode)
			}
		}
	}
	if found != 4 {
		t.Errorf("%d probes were found, want 4", found)
	}
}

// TestDeployAlerts holds the metrics and labels in the alerts against those that a running server exports.
func TestDeployAlerts(t *testing.T) {
	metrics := freeAddress(t)
	p := startProgram(t, sharedPostgres.NewDatabase(t), "LATCHKEY_METRICS_ADDR="+metrics)
	if status, body, err := askToken(t.Context(), p.issuer, p.id, p.secret); err != nil || status != http.StatusOK {
		t.Fatal(status, body, err)
	}
	exported := scrape(t, metrics)
	alerts := parseDeployed(t, "prometheus/alerts.yaml")
	names := regexp.MustCompile(`\b(?:latchkey|process|go)_\w+`)
	selectors := regexp.MustCompile(`(latchkey_\w+)\{([^}]*)\}`)
	for i := range alerts.at(t, "groups", 0, "rules").value.([]any) {
		rule := alerts.at(t, "groups", 0, "rules", i)
		expr := rule.text(t, "expr")
		rule.text(t, "alert")
		rule.text(t, "labels", "severity")
		rule.text(t, "annotations", "summary")
		for _, name := range names.FindAllString(expr, -1) {
			if !regexp.MustCompile(`(?m)^` + name + `[ {]`).MatchString(exported) {
				t.Errorf("%s: there is no metric %s", rule.text(t, "alert"), name)
			}
		}
		for _, selector := range selectors.FindAllStringSubmatch(expr, -1) {
			for matcher := range strings.SplitSeq(selector[2], ", ") {
				label, pattern, _ := strings.Cut(matcher, "=~")
				if !strings.Contains(exported, selector[1]+"{") || !strings.Contains(exported, label+`="`) {
					t.Errorf("%s: %s has no label %s", rule.text(t, "alert"), selector[1], label)
				}
				value := regexp.MustCompile(selector[1] + `\{[^}]*` + label + `="` + strings.Trim(pattern, `"`) + `"`)
				if label == "route" && !value.MatchString(exported) {
					t.Errorf("%s: no %s is %s", rule.text(t, "alert"), label, pattern)
				}
			}
		}
	}
}

// settingsOf answers what latchkey config prints, with secrets in the files that the configuration looks for in a
// folder. An option that does not exist, or contradicts another, is an error there.
func settingsOf(t *testing.T, secrets string, args, environ []string) map[string]string {
	t.Helper()
	folder := t.TempDir() + "/"
	for name, text := range map[string]string{
		"master.key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "database.url": "postgres://user:password@host/latchkey",
	} {
		if err := os.WriteFile(folder+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	environ = slices.Clone(environ)
	for i := range environ {
		environ[i] = strings.ReplaceAll(environ[i], secrets, folder)
	}
	for i, arg := range args {
		name, config := strings.CutPrefix(arg, "--config=")
		if !config {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		args[i] = "--config=" + folder + filepath.Base(name)
		if err := os.WriteFile(folder+filepath.Base(name), bytes.ReplaceAll(text, []byte(secrets), []byte(folder)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), append([]string{"config"}, args...), environ, &stdout, &stderr); code != 0 {
		t.Fatalf("the program refuses this configuration: %s", &stderr)
	}
	var printed map[string]any
	if err := yaml.Unmarshal(stdout.Bytes(), &printed); err != nil {
		t.Fatal(err)
	}
	settings := make(map[string]string)
	for name, value := range printed {
		settings[name] = strings.ReplaceAll(fmt.Sprint(value), folder, secrets)
	}
	return settings
}

// deployed is a value in a file of deploy/.
type deployed struct {
	name  string
	value any
}

func readDeployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(deployFolder + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parseDeployed(t *testing.T, name string) deployed {
	t.Helper()
	file := deployed{name: name}
	if err := yaml.UnmarshalWithOptions([]byte(readDeployed(t, name)), &file.value, yaml.Strict()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return file
}

// at answers what is at a path of keys and indexes. It must be there.
func (d deployed) at(t *testing.T, path ...any) deployed {
	t.Helper()
	for _, step := range path {
		var next any
		switch step := step.(type) {
		case string:
			object, _ := d.value.(map[string]any)
			next = object[step]
		case int:
			if list, _ := d.value.([]any); step < len(list) {
				next = list[step]
			}
		}
		if next == nil {
			t.Fatalf("%s has no %v", d.name, path)
		}
		d.value = next
	}
	return d
}

func (d deployed) text(t *testing.T, path ...any) string {
	t.Helper()
	return fmt.Sprint(d.at(t, path...).value)
}
