package main

import "github.com/hashicorp/terraform-plugin-go/tftypes"

// filler gives the value of a computed attribute that the configuration leaves out.
type filler func(kind tftypes.Type, name string) tftypes.Value

// completed is the value with every computed attribute that is null filled, and without what is
// write-only. A null value (what is destroyed) stays null.
func completed(value tftypes.Value, described block, fill filler) (tftypes.Value, error) {
	if value.IsNull() || !value.IsKnown() {
		return value, nil
	}
	var members map[string]tftypes.Value
	if err := value.As(&members); err != nil {
		return value, err
	}
	for name, one := range described.Attributes {
		found := members[name]
		switch {
		case one.WriteOnly:
			members[name] = tftypes.NewValue(found.Type(), nil)
		case one.Computed && found.IsNull():
			kind, err := typeOf(one.Type)
			if err != nil {
				return value, err
			}
			members[name] = fill(kind, name)
		}
	}
	for name, one := range described.Blocks {
		inner, err := completedBlocks(members[name], one.Block, fill)
		if err != nil {
			return value, err
		}
		members[name] = inner
	}
	return tftypes.NewValue(value.Type(), members), nil
}

func completedBlocks(value tftypes.Value, described block, fill filler) (tftypes.Value, error) {
	var several []tftypes.Value
	if value.IsNull() || !value.IsKnown() {
		return value, nil
	}
	if value.As(&several) != nil {
		return completed(value, described, fill)
	}
	for n, one := range several {
		inner, err := completed(one, described, fill)
		if err != nil {
			return value, err
		}
		several[n] = inner
	}
	return tftypes.NewValue(value.Type(), several), nil
}

// forms are the stand-ins of attributes that the configuration takes apart. The address is one of those
// that are kept for examples.
var forms = map[string]string{
	"cidr_block":    "203.0.113.0/24",
	"ip_prefix":     "203.0.113.9/32",
	"secret_string": `{"key":"stand-in","secret":"stand-in","username":"stand-in","password":"stand-in"}`,
}

// standIn makes up a value that is known, as a data source's must be.
func standIn(kind tftypes.Type, name string) tftypes.Value {
	switch {
	case kind.Is(tftypes.String) && forms[name] != "":
		return tftypes.NewValue(kind, forms[name])
	case kind.Is(tftypes.String):
		return tftypes.NewValue(kind, "stand-in-"+name)
	case kind.Is(tftypes.Number):
		return tftypes.NewValue(kind, 1)
	case kind.Is(tftypes.Bool):
		return tftypes.NewValue(kind, false)
	}
	switch one := kind.(type) {
	case tftypes.List:
		return tftypes.NewValue(kind, []tftypes.Value{standIn(one.ElementType, name+"-1"), standIn(one.ElementType, name+"-2")})
	case tftypes.Set:
		return tftypes.NewValue(kind, []tftypes.Value{standIn(one.ElementType, name)})
	case tftypes.Object:
		members := map[string]tftypes.Value{}
		for member, inner := range one.AttributeTypes {
			members[member] = standIn(inner, member)
		}
		return tftypes.NewValue(kind, members)
	default:
		return tftypes.NewValue(kind, nil)
	}
}
