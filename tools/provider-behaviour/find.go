package main

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// place is where a resource's schema is written.
type place struct {
	source string
	walk   func(w *world, rules map[string]Rules)
}

// resources finds a provider's resource types. Each provider registers its own way.
func (w *world) resources(provider string) map[string]place {
	found := map[string]place{}
	for prefix, folder := range w.roots {
		if !strings.HasSuffix(prefix, "terraform-provider-"+provider) {
			continue
		}
		fail(filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return err
			}
			inside, _ := filepath.Rel(folder, path)
			if !strings.Contains(inside, "service") {
				return nil
			}
			p := w.load(prefix + "/" + filepath.ToSlash(inside))
			for _, f := range p.files {
				w.registered(f, folder, found)
			}
			return nil
		}))
	}
	return found
}

var annotation = regexp.MustCompile(`@(SDKResource|FrameworkResource)\("([a-z0-9_]+)"`)

func (w *world) registered(f *file, folder string, found map[string]place) {
	source := func(at *file) string { inside, _ := filepath.Rel(folder, at.name); return filepath.ToSlash(inside) }
	for _, decl := range f.ast.Decls {
		function, ok := decl.(*ast.FuncDecl)
		if !ok || function.Body == nil {
			continue
		}
		if function.Doc != nil { // aws: an annotation above the constructor
			for _, named := range annotation.FindAllStringSubmatch(function.Doc.Text(), -1) {
				made := &fn{function, f}
				if named[1] == "SDKResource" {
					found[named[2]] = place{source(f), func(w *world, r map[string]Rules) { w.resource(w.returned(made, nil, nil), "", r) }}
				} else if model := constructed(function); model != "" {
					if schema := f.pkg.method(model, "Schema"); schema != nil {
						found[named[2]] = place{source(schema.file), func(w *world, r map[string]Rules) { w.assigned(schema, r) }}
					}
				}
			}
		}
		if function.Name.Name == "SupportedResources" { // azurerm, untyped: a map from name to constructor
			ast.Inspect(function.Body, func(n ast.Node) bool {
				pair, ok := n.(*ast.KeyValueExpr)
				if !ok {
					return true
				}
				if name, ok := literal(pair.Key); ok {
					at := f
					if call, ok := pair.Value.(*ast.CallExpr); ok {
						if target, ok := call.Fun.(*ast.Ident); ok && f.pkg.funcs[target.Name] != nil {
							at = f.pkg.funcs[target.Name].file
						}
					}
					where := bound{pair.Value, &scope{file: f}}
					found[name] = place{source(at), func(w *world, r map[string]Rules) { w.resource([]bound{where}, "", r) }}
				}
				return true
			})
		}
		if function.Name.Name == "ResourceType" && function.Recv != nil { // azurerm, typed: a method that names it
			for _, each := range w.returned(&fn{function, f}, nil, nil) {
				name, ok := w.text(each)
				model := typeName(function.Recv.List[0].Type)
				arguments := f.pkg.method(model, "Arguments")
				if ok && arguments != nil && f.pkg.method(model, "Create") != nil { // a data source has none
					found[name] = place{source(f), func(w *world, r map[string]Rules) {
						w.schemas(w.returned(arguments, nil, nil), "", r)
						if custom := f.pkg.method(model, "CustomizeDiff"); custom != nil {
							body := &ast.FuncLit{Type: custom.decl.Type, Body: custom.decl.Body}
							w.conditional(bound{body, &scope{file: custom.file}}, r, 0)
						}
					}}
				}
			}
		}
	}
	ast.Inspect(f.ast, func(n ast.Node) bool { // google: registry.Schema{Name: ..., Schema: ...}
		lit, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if selected, ok := lit.Type.(*ast.SelectorExpr); !ok || selected.Sel.Name != "Schema" {
			return true
		}
		fields := fieldsOf(lit)
		if fields["Name"] == nil || fields["Schema"] == nil || fields["Type"] == nil {
			return true
		}
		kind, ok := fields["Type"].(*ast.SelectorExpr)
		if name, named := literal(fields["Name"]); ok && named && strings.HasSuffix(kind.Sel.Name, "Resource") {
			where := bound{fields["Schema"], &scope{file: f}}
			found[name] = place{source(f), func(w *world, r map[string]Rules) { w.resource([]bound{where}, "", r) }}
		}
		return true
	})
}

// constructed returns the type that a framework resource's constructor makes.
func constructed(function *ast.FuncDecl) string {
	name := ""
	ast.Inspect(function.Body, func(n ast.Node) bool {
		if lit, ok := n.(*ast.CompositeLit); ok && name == "" {
			name = typeName(lit.Type)
		}
		return name == ""
	})
	return name
}

// assigned reads `response.Schema = ...` (or a variable assigned to it) of a framework resource's Schema method.
func (w *world) assigned(method *fn, rules map[string]Rules) {
	inner := w.scoped(method, nil, nil)
	ast.Inspect(method.decl.Body, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok || len(assign.Lhs) != 1 {
			return true
		}
		if target, ok := assign.Lhs[0].(*ast.SelectorExpr); ok && target.Sel.Name == "Schema" {
			w.nested([]bound{{assign.Rhs[0], inner}}, "", rules)
		}
		return true
	})
}
