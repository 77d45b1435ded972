package main

import (
	"encoding/json"
	"fmt"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

var nestings = map[string]tfprotov6.SchemaNestedBlockNestingMode{
	"list":   tfprotov6.SchemaNestedBlockNestingModeList,
	"set":    tfprotov6.SchemaNestedBlockNestingModeSet,
	"single": tfprotov6.SchemaNestedBlockNestingModeSingle,
}

func (s schema) proto() (*tfprotov6.Schema, error) {
	made, err := s.Block.proto()
	return &tfprotov6.Schema{Version: s.Version, Block: made}, err
}

func (b block) proto() (*tfprotov6.SchemaBlock, error) {
	made := &tfprotov6.SchemaBlock{}
	for name, one := range b.Attributes {
		kind, err := typeOf(one.Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		made.Attributes = append(made.Attributes, &tfprotov6.SchemaAttribute{
			Name: name, Type: kind, Required: one.Required, Optional: one.Optional,
			Computed: one.Computed, Sensitive: one.Sensitive, WriteOnly: one.WriteOnly,
		})
	}
	for name, one := range b.Blocks {
		inner, err := one.Block.proto()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		made.BlockTypes = append(made.BlockTypes, &tfprotov6.SchemaNestedBlock{
			TypeName: name, Block: inner, Nesting: nestings[one.Mode], MinItems: one.Min, MaxItems: one.Max,
		})
	}
	return made, nil
}

// typeOf reads a type as Terraform writes it: "string", ["list","string"], ["object",{…}].
func typeOf(text json.RawMessage) (tftypes.Type, error) {
	var word string
	if json.Unmarshal(text, &word) == nil {
		kind, known := map[string]tftypes.Type{
			"string": tftypes.String, "number": tftypes.Number, "bool": tftypes.Bool, "dynamic": tftypes.DynamicPseudoType,
		}[word]
		if !known {
			return nil, fmt.Errorf("no type: %s", text)
		}
		return kind, nil
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil || len(parts) != 2 {
		return nil, fmt.Errorf("no type: %s", text)
	}
	if err := json.Unmarshal(parts[0], &word); err != nil {
		return nil, err
	}
	if word == "object" {
		return objectOf(parts[1])
	}
	inner, err := typeOf(parts[1])
	if err != nil {
		return nil, err
	}
	switch word {
	case "list":
		return tftypes.List{ElementType: inner}, nil
	case "set":
		return tftypes.Set{ElementType: inner}, nil
	case "map":
		return tftypes.Map{ElementType: inner}, nil
	default:
		return nil, fmt.Errorf("no type: %s", text)
	}
}

func objectOf(text json.RawMessage) (tftypes.Type, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	kinds := map[string]tftypes.Type{}
	for name, one := range members {
		kind, err := typeOf(one)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		kinds[name] = kind
	}
	return tftypes.Object{AttributeTypes: kinds}, nil
}
