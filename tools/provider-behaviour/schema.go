package main

import (
	"go/ast"
	"go/token"
	"sort"
	"strconv"
	"strings"
)

// resource reads `&schema.Resource{Schema: ...}`.
func (w *world) resource(found []bound, prefix string, rules map[string]Rules) {
	for _, each := range w.all(found, 0) {
		lit, ok := each.expr.(*ast.CompositeLit)
		if !ok {
			continue
		}
		if prefix == "" {
			w.conditional(bound{fieldsOf(lit)["CustomizeDiff"], each.scope}, rules, 0)
		}
		for _, name := range []string{"Schema", "SchemaFunc"} {
			expr := fieldsOf(lit)[name]
			if named, ok := expr.(*ast.Ident); ok && each.scope.file.pkg.funcs[named.Name] != nil && name == "SchemaFunc" {
				w.schemas(w.returned(each.scope.file.pkg.funcs[named.Name], nil, nil), prefix, rules)
			} else if expr != nil {
				w.schemas([]bound{{expr, each.scope}}, prefix, rules)
			}
		}
	}
}

// conditional notes the arguments that a resource's own code may make a new resource for.
func (w *world) conditional(b bound, rules map[string]Rules, depth int) {
	if b.expr == nil || depth > 3 {
		return
	}
	ast.Inspect(b.expr, func(n ast.Node) bool {
		switch e := n.(type) {
		case *ast.Ident: // a function that is handed over
			if f := b.scope.file.pkg.funcs[e.Name]; f != nil && f.decl.Body != nil {
				body := &ast.FuncLit{Type: f.decl.Type, Body: f.decl.Body}
				w.conditional(bound{body, &scope{file: f.file}}, rules, depth+1)
			}
		case *ast.CallExpr:
			if !strings.HasPrefix(called(e), "ForceNew") || len(e.Args) == 0 {
				return true
			}
			if path, ok := w.text(bound{e.Args[0], b.scope}); ok {
				steps := []string{}
				for _, step := range strings.Split(path, ".") {
					if _, err := strconv.Atoi(step); err != nil {
						steps = append(steps, step)
					}
				}
				found := rules[strings.Join(steps, ".")]
				found.Perhaps = true
				rules[strings.Join(steps, ".")] = found
			}
		}
		return true
	})
}

// schemas reads a map from an argument's name to its schema.
func (w *world) schemas(found []bound, prefix string, rules map[string]Rules) {
	if strings.Count(prefix, ".") > 8 {
		return
	}
	for _, each := range w.all(found, 0) {
		lit, ok := each.expr.(*ast.CompositeLit)
		if !ok {
			continue
		}
		for _, element := range lit.Elts {
			pair, ok := element.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			if name, ok := w.text(bound{pair.Key, each.scope}); ok {
				w.argument(bound{pair.Value, each.scope}, join(prefix, name), rules)
			}
		}
	}
}

// argument reads one argument's schema, of the SDK or of the framework.
func (w *world) argument(b bound, path string, rules map[string]Rules) {
	for _, each := range w.resolved(b, 0) {
		lit, ok := each.expr.(*ast.CompositeLit)
		if !ok {
			continue
		}
		fields := fieldsOf(lit)
		found := rules[path]
		found.ForceNew = found.ForceNew || isTrue(fields["ForceNew"]) || replaces(fields["PlanModifiers"])
		list := func(name string) []string {
			if fields[name] == nil {
				return nil
			}
			return w.texts(bound{fields[name], each.scope})
		}
		found.Conflicts = list("ConflictsWith")
		found.ExactlyOf = list("ExactlyOneOf")
		found.AtLeastOf = list("AtLeastOneOf")
		found.Requires = list("RequiredWith")
		for _, name := range []string{"ValidateFunc", "ValidateDiagFunc", "Validators", "CustomType"} {
			if fields[name] != nil && found.Values == nil {
				found.Values = w.allowed(bound{fields[name], each.scope})
			}
		}
		if fields["Default"] != nil {
			found.Default = w.constant(bound{fields["Default"], each.scope})
		}
		for _, element := range w.resolved(bound{fields["Elem"], each.scope}, 0) { // a list's rule is its elements'
			if inner, ok := element.expr.(*ast.CompositeLit); ok && found.Values == nil {
				if validation := fieldsOf(inner)["ValidateFunc"]; validation != nil {
					found.Values = w.allowed(bound{validation, element.scope})
				}
			}
		}
		if !found.empty() {
			rules[path] = found
		}
		if fields["Elem"] != nil {
			w.resource([]bound{{fields["Elem"], each.scope}}, path, rules)
		}
		w.nested([]bound{each}, path, rules)
	}
}

// nested reads the framework's `Attributes`, `Blocks` and `NestedObject`.
func (w *world) nested(found []bound, path string, rules map[string]Rules) {
	for _, each := range w.all(found, 0) {
		lit, ok := each.expr.(*ast.CompositeLit)
		if !ok {
			continue
		}
		fields := fieldsOf(lit)
		for _, name := range []string{"Attributes", "Blocks"} {
			if fields[name] != nil {
				w.schemas([]bound{{fields[name], each.scope}}, path, rules)
			}
		}
		if fields["NestedObject"] != nil {
			w.nested([]bound{{fields["NestedObject"], each.scope}}, path, rules)
		}
	}
}

// constant evaluates a default: a literal, a named constant, or the framework's `booldefault.StaticBool(true)`.
func (w *world) constant(b bound) any {
	switch e := b.expr.(type) {
	case *ast.Ident:
		if e.Name == "true" || e.Name == "false" {
			return e.Name == "true"
		}
	case *ast.BasicLit:
		if number, err := strconv.ParseFloat(e.Value, 64); err == nil {
			return number
		}
	case *ast.UnaryExpr:
		if number, ok := w.constant(bound{e.X, b.scope}).(float64); ok && e.Op == token.SUB {
			return -number
		}
	case *ast.CallExpr:
		if strings.HasPrefix(called(e), "Static") && len(e.Args) == 1 {
			return w.constant(bound{e.Args[0], b.scope})
		}
	}
	if text, ok := w.text(b); ok {
		return text
	}
	return nil
}

func isTrue(e ast.Expr) bool {
	name, ok := e.(*ast.Ident)
	return ok && name.Name == "true"
}

// replaces says whether plan modifiers make a new resource whatever else is so; the conditional ones do not count.
func replaces(e ast.Expr) bool {
	if e == nil {
		return false
	}
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			name := called(call)
			found = found || name == "RequiresReplace" || name == "RequiresReplaceIfConfigured"
		}
		return !found
	})
	return found
}

// allowed returns the values that a validation takes, where it is a plain list or an enumeration's type.
func (w *world) allowed(b bound) []string {
	switch e := b.expr.(type) {
	case *ast.CompositeLit: // []validator.String{...}
		for _, each := range e.Elts {
			if found := w.allowed(bound{each, b.scope}); found != nil {
				return found
			}
		}
	case *ast.CallExpr:
		switch called(e) {
		case "StringInSlice":
			if len(e.Args) == 2 && !isTrue(e.Args[1]) { // true: case does not matter
				return w.values(bound{e.Args[0], b.scope})
			}
		case "ValidateEnum":
			return w.values(bound{e.Args[0], b.scope})
		case "OneOf":
			found := []string{}
			for _, each := range e.Args {
				text, ok := w.text(bound{each, b.scope})
				if !ok {
					return nil
				}
				found = append(found, text)
			}
			return found
		case "Validate", "FrameworkValidate", "StringEnumType":
			if generic, ok := e.Fun.(*ast.IndexExpr); ok {
				return w.enumeration(generic.Index, b.scope)
			}
		}
	}
	return nil
}

func (w *world) values(b bound) []string {
	if call, ok := b.expr.(*ast.CallExpr); ok && called(call) == "Slice" { // enum.Slice(types.A, types.B)
		found := []string{}
		for _, each := range call.Args {
			text, ok := w.text(bound{each, b.scope})
			if !ok {
				return nil
			}
			found = append(found, text)
		}
		return found
	}
	found := w.texts(b)
	if len(found) == 0 {
		return nil
	}
	return found
}

func (w *world) enumeration(kind ast.Expr, s *scope) []string {
	selected, ok := kind.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	alias, ok := selected.X.(*ast.Ident)
	if !ok {
		return nil
	}
	found := w.load(s.file.imports[alias.Name]).typed[selected.Sel.Name]
	sort.Strings(found)
	return found
}
