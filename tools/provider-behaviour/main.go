// provider-behaviour reads a Terraform provider's Go source and prints, as JSON, what no schema says about its
// arguments: which make a new resource, their defaults, which values they take, which exclude each other.
//
// It parses and evaluates the few shapes in which providers write their schemas; it builds and runs nothing of them.
// What it cannot follow it leaves out.
//
//	go run . -provider aws -resources names.txt -at IMPORT_PREFIX=FOLDER [-at ...] > aws.json
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Rules are what one argument's source says beyond the schema.
type Rules struct {
	ForceNew bool `json:"force_new,omitempty"`
	// Perhaps is set where the provider's code decides whether a change makes a new resource.
	Perhaps   bool     `json:"force_new_if,omitempty"`
	Default   any      `json:"default,omitempty"`
	Values    []string `json:"values,omitempty"`
	Conflicts []string `json:"conflicts_with,omitempty"`
	ExactlyOf []string `json:"exactly_one_of,omitempty"`
	AtLeastOf []string `json:"at_least_one_of,omitempty"`
	Requires  []string `json:"required_with,omitempty"`
}

func (r Rules) empty() bool {
	return !r.ForceNew && !r.Perhaps && r.Default == nil && len(r.Values)+len(r.Conflicts)+len(r.ExactlyOf)+len(r.AtLeastOf)+len(r.Requires) == 0
}

// Resource is one resource type's rules by path, and the file that they were read from.
type Resource struct {
	Source string           `json:"source"`
	Rules  map[string]Rules `json:"rules"`
}

type roots map[string]string

func (r roots) String() string { return fmt.Sprint(map[string]string(r)) }
func (r roots) Set(value string) error {
	prefix, folder, found := strings.Cut(value, "=")
	if !found {
		return fmt.Errorf("want IMPORT_PREFIX=FOLDER, got %q", value)
	}
	r[prefix] = folder
	return nil
}

func main() {
	at := roots{}
	provider := flag.String("provider", "", "aws, google or azurerm")
	names := flag.String("resources", "", "file with one resource type a line")
	flag.Var(at, "at", "IMPORT_PREFIX=FOLDER, where packages of that prefix lie; may be repeated")
	flag.Parse()
	wanted, err := os.ReadFile(*names)
	fail(err)
	w := &world{roots: at, packages: map[string]*pkg{}, files: token.NewFileSet()}
	found := map[string]Resource{}
	for name, where := range w.resources(*provider) {
		if !regexp.MustCompile(`(?m)^` + name + `$`).Match(wanted) {
			continue
		}
		rules := map[string]Rules{}
		where.walk(w, rules)
		if len(rules) > 0 {
			found[name] = Resource{Source: where.source, Rules: rules}
		}
	}
	output := json.NewEncoder(os.Stdout)
	output.SetIndent("", " ")
	fail(output.Encode(found))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// pkg is one parsed Go package.
type pkg struct {
	path    string
	files   []*file
	funcs   map[string]*fn
	methods map[string]map[string]*fn // type -> name
	values  map[string]bound          // constants and variables of the package
	embeds  map[string][]string       // struct type -> types that it embeds
	typed   map[string][]string       // constants' values by their type, for enumerations
}

type file struct {
	ast     *ast.File
	name    string
	imports map[string]string
	pkg     *pkg
}

type fn struct {
	decl *ast.FuncDecl
	file *file
}

// bound is an expression with the scope that it is to be read in.
type bound struct {
	expr  ast.Expr
	scope *scope
}

type scope struct {
	file *file
	vars map[string]bound
	sets map[string][]ast.Expr // `x["key"] = value` as pairs, by the name of the map
	laid map[string][]bound    // `for k, v := range y { x[k] = v }`, by the name of the map
}

type world struct {
	roots    roots
	packages map[string]*pkg
	files    *token.FileSet
}

func (w *world) folder(path string) string {
	best, folder := "", ""
	for prefix, at := range w.roots {
		if strings.HasPrefix(path, prefix) && len(prefix) > len(best) {
			best, folder = prefix, filepath.Join(at, strings.TrimPrefix(path, prefix))
		}
	}
	return folder
}

func (w *world) load(path string) *pkg {
	if known, ok := w.packages[path]; ok {
		return known
	}
	p := &pkg{path: path, funcs: map[string]*fn{}, methods: map[string]map[string]*fn{}, values: map[string]bound{}, embeds: map[string][]string{}, typed: map[string][]string{}}
	w.packages[path] = p
	folder := w.folder(path)
	if folder == "" {
		return p
	}
	names, _ := filepath.Glob(filepath.Join(folder, "*.go"))
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(w.files, name, nil, parser.ParseComments)
		if err != nil {
			continue
		}
		f := &file{ast: parsed, name: name, pkg: p, imports: map[string]string{}}
		for _, each := range parsed.Imports {
			target := strings.Trim(each.Path.Value, `"`)
			alias := target[strings.LastIndex(target, "/")+1:]
			if regexp.MustCompile(`^v[0-9]+$`).MatchString(alias) {
				alias = filepath.Base(filepath.Dir(target))
			}
			if each.Name != nil {
				alias = each.Name.Name
			}
			f.imports[alias] = target
		}
		p.files = append(p.files, f)
		p.index(f)
	}
	return p
}

func (p *pkg) index(f *file) {
	for _, decl := range f.ast.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				p.funcs[d.Name.Name] = &fn{d, f}
				continue
			}
			receiver := typeName(d.Recv.List[0].Type)
			if p.methods[receiver] == nil {
				p.methods[receiver] = map[string]*fn{}
			}
			p.methods[receiver][d.Name.Name] = &fn{d, f}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if kind, ok := spec.(*ast.TypeSpec); ok {
					p.embeds[kind.Name.Name] = embedded(kind)
				}
				value, ok := spec.(*ast.ValueSpec)
				if !ok {
					continue
				}
				for i, name := range value.Names {
					if i < len(value.Values) {
						p.values[name.Name] = bound{value.Values[i], &scope{file: f}}
						if text, ok := literal(value.Values[i]); ok && value.Type != nil {
							kind := typeName(value.Type)
							p.typed[kind] = append(p.typed[kind], text)
						}
					}
				}
			}
		}
	}
}

func typeName(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.StarExpr:
		return typeName(t.X)
	case *ast.Ident:
		return t.Name
	case *ast.IndexExpr:
		return typeName(t.X)
	}
	return ""
}

func literal(e ast.Expr) (string, bool) {
	basic, ok := e.(*ast.BasicLit)
	if !ok || basic.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(basic.Value)
	return text, err == nil
}

func embedded(kind *ast.TypeSpec) []string {
	structure, ok := kind.Type.(*ast.StructType)
	if !ok {
		return nil
	}
	found := []string{}
	for _, field := range structure.Fields.List {
		if len(field.Names) == 0 {
			found = append(found, typeName(field.Type))
		}
	}
	return found
}

// method finds a type's method, its own or that of a type that it embeds.
func (p *pkg) method(kind, name string) *fn {
	if found := p.methods[kind][name]; found != nil {
		return found
	}
	for _, each := range p.embeds[kind] {
		if found := p.method(each, name); found != nil {
			return found
		}
	}
	return nil
}
