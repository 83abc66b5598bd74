package main

import (
	"go/ast"
	"strings"
)

func fieldsOf(lit *ast.CompositeLit) map[string]ast.Expr {
	fields := map[string]ast.Expr{}
	for _, each := range lit.Elts {
		if pair, ok := each.(*ast.KeyValueExpr); ok {
			if name, ok := pair.Key.(*ast.Ident); ok {
				fields[name.Name] = pair.Value
			}
		}
	}
	return fields
}

// scoped returns a function's scope: its parameters bound to the call's arguments, its local variables to their values.
func (w *world) scoped(f *fn, arguments []ast.Expr, from *scope) *scope {
	inner := &scope{file: f.file, vars: map[string]bound{}, sets: map[string][]ast.Expr{}, laid: map[string][]bound{}}
	position := 0
	for _, parameter := range f.decl.Type.Params.List {
		for _, name := range parameter.Names {
			if position < len(arguments) {
				inner.vars[name.Name] = bound{arguments[position], from}
			}
			position++
		}
	}
	ast.Inspect(f.decl.Body, func(n ast.Node) bool {
		if _, nested := n.(*ast.FuncLit); nested {
			return false
		}
		if loop, ok := n.(*ast.RangeStmt); ok && len(loop.Body.List) == 1 {
			if assign, ok := loop.Body.List[0].(*ast.AssignStmt); ok {
				if target, ok := assign.Lhs[0].(*ast.IndexExpr); ok {
					if base, ok := target.X.(*ast.Ident); ok {
						inner.laid[base.Name] = append(inner.laid[base.Name], bound{loop.X, inner})
					}
				}
				return false
			}
		}
		assign, ok := n.(*ast.AssignStmt)
		if !ok || len(assign.Lhs) != len(assign.Rhs) {
			return true
		}
		for i, target := range assign.Lhs {
			switch t := target.(type) {
			case *ast.Ident:
				if call, ok := assign.Rhs[i].(*ast.CallExpr); ok && called(call) == "append" && len(call.Args) > 1 {
					if grown, ok := call.Args[0].(*ast.Ident); ok && grown.Name == t.Name {
						var more ast.Expr = &ast.CompositeLit{Elts: call.Args[1:]}
						if call.Ellipsis.IsValid() {
							more = call.Args[1]
						}
						inner.laid[t.Name] = append(inner.laid[t.Name], bound{more, inner})
						continue
					}
				}
				if self, ok := assign.Rhs[i].(*ast.Ident); !ok || self.Name != t.Name {
					if _, taken := inner.vars[t.Name]; !taken {
						inner.vars[t.Name] = bound{assign.Rhs[i], inner}
					}
				}
			case *ast.IndexExpr:
				if base, ok := t.X.(*ast.Ident); ok {
					inner.sets[base.Name] = append(inner.sets[base.Name], &ast.KeyValueExpr{Key: t.Index, Value: assign.Rhs[i]})
				}
			}
		}
		return true
	})
	return inner
}

// returned gives all that a function may return.
func (w *world) returned(f *fn, arguments []ast.Expr, from *scope) []bound {
	if f.decl.Body == nil {
		return nil
	}
	return returns(f.decl.Body, w.scoped(f, arguments, from))
}

func returns(body *ast.BlockStmt, inner *scope) []bound {
	found := []bound{}
	ast.Inspect(body, func(n ast.Node) bool {
		if _, nested := n.(*ast.FuncLit); nested {
			return false
		}
		if back, ok := n.(*ast.ReturnStmt); ok && len(back.Results) > 0 {
			found = append(found, bound{back.Results[0], inner})
		}
		return true
	})
	return found
}

// resolved follows names and calls to composite literals; a call of an unknown function stays as it is.
func (w *world) resolved(b bound, depth int) []bound {
	if depth > 12 || b.expr == nil || b.scope == nil {
		return nil
	}
	switch e := b.expr.(type) {
	case *ast.ParenExpr:
		return w.resolved(bound{e.X, b.scope}, depth+1)
	case *ast.UnaryExpr:
		return w.resolved(bound{e.X, b.scope}, depth+1)
	case *ast.Ident:
		if local, ok := b.scope.vars[e.Name]; ok {
			found := w.resolved(local, depth+1)
			if sets := b.scope.sets[e.Name]; len(sets) > 0 {
				found = append(found, bound{&ast.CompositeLit{Elts: sets}, b.scope})
			}
			for _, each := range b.scope.laid[e.Name] {
				found = append(found, w.resolved(each, depth+1)...)
			}
			return found
		}
		if value, ok := b.scope.file.pkg.values[e.Name]; ok {
			return w.resolved(value, depth+1)
		}
	case *ast.SelectorExpr:
		if alias, ok := e.X.(*ast.Ident); ok {
			if path, ok := b.scope.file.imports[alias.Name]; ok {
				if value, ok := w.load(path).values[e.Sel.Name]; ok {
					return w.resolved(value, depth+1)
				}
			}
		}
	case *ast.CallExpr:
		if function, ok := e.Fun.(*ast.FuncLit); ok {
			return w.all(returns(function.Body, b.scope), depth)
		}
		if called(e) == "Clone" && len(e.Args) == 1 {
			return w.resolved(bound{e.Args[0], b.scope}, depth+1)
		}
		if target := w.function(e, b.scope); target != nil {
			return w.all(w.returned(target, e.Args, b.scope), depth)
		}
		return []bound{b}
	case *ast.FuncLit:
		return w.all(returns(e.Body, b.scope), depth)
	case *ast.CompositeLit:
		return []bound{b}
	}
	return nil
}

func (w *world) all(found []bound, depth int) []bound {
	resolved := []bound{}
	for _, each := range found {
		resolved = append(resolved, w.resolved(each, depth+1)...)
	}
	return resolved
}

func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.IndexExpr:
		return called(&ast.CallExpr{Fun: f.X})
	}
	return ""
}

func (w *world) function(call *ast.CallExpr, s *scope) *fn {
	target := call.Fun
	if generic, ok := target.(*ast.IndexExpr); ok {
		target = generic.X
	}
	switch f := target.(type) {
	case *ast.Ident:
		return s.file.pkg.funcs[f.Name]
	case *ast.SelectorExpr:
		switch x := f.X.(type) {
		case *ast.Ident:
			if path, ok := s.file.imports[x.Name]; ok {
				return w.load(path).funcs[f.Sel.Name]
			}
			return s.file.pkg.anyMethod(f.Sel.Name)
		case *ast.SelectorExpr:
			return s.file.pkg.anyMethod(f.Sel.Name)
		case *ast.CompositeLit:
			return s.file.pkg.method(typeName(x.Type), f.Sel.Name)
		}
	}
	return nil
}

// anyMethod finds a method by its name alone, where one type has it: receivers' types are not followed.
func (p *pkg) anyMethod(name string) *fn {
	var only *fn
	for _, methods := range p.methods {
		if found := methods[name]; found != nil {
			if only != nil {
				return nil
			}
			only = found
		}
	}
	return only
}

// text evaluates a constant string: a literal, a named constant, or a conversion of one.
func (w *world) text(b bound) (string, bool) {
	if b.scope == nil {
		return "", false
	}
	switch e := b.expr.(type) {
	case *ast.BasicLit:
		return literal(e)
	case *ast.Ident:
		if local, ok := b.scope.vars[e.Name]; ok {
			return w.text(local)
		}
		if value, ok := b.scope.file.pkg.values[e.Name]; ok && value.expr != b.expr {
			return w.text(value)
		}
	case *ast.SelectorExpr:
		if alias, ok := e.X.(*ast.Ident); ok {
			if value, ok := w.load(b.scope.file.imports[alias.Name]).values[e.Sel.Name]; ok {
				return w.text(value)
			}
		}
	case *ast.CallExpr:
		if len(e.Args) == 1 && called(e) == "string" {
			return w.text(bound{e.Args[0], b.scope})
		}
	case *ast.BinaryExpr:
		left, known := w.text(bound{e.X, b.scope})
		right, too := w.text(bound{e.Y, b.scope})
		return left + right, known && too
	}
	return "", false
}

// texts evaluates a list of constant strings; nil where one of them is not known.
func (w *world) texts(b bound) []string {
	found := []string{}
	for _, each := range w.resolved(b, 0) {
		lit, ok := each.expr.(*ast.CompositeLit)
		if !ok {
			return nil
		}
		for _, element := range lit.Elts {
			text, ok := w.text(bound{element, each.scope})
			if !ok {
				return nil
			}
			found = append(found, text)
		}
	}
	return found
}

func join(prefix, name string) string { return strings.TrimPrefix(prefix+"."+name, ".") }
