// A Terraform provider that knows nothing but schemas: it checks a configuration's names, types and
// wiring offline, in the place of a provider that would need an account. It plans, and applies nothing.
//
// The schema is the file schema.json beside the program, in the form of `terraform providers schema -json`.
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

// file is the whole description of a provider.
type file struct {
	Provider  schema            `json:"provider"`
	Resources map[string]schema `json:"resource_schemas"`
	Data      map[string]schema `json:"data_source_schemas"`
	Ephemeral map[string]schema `json:"ephemeral_resource_schemas"`
}

type schema struct {
	Version int64 `json:"version"`
	Block   block `json:"block"`
}

type block struct {
	Attributes map[string]attribute `json:"attributes"`
	Blocks     map[string]nested    `json:"block_types"`
}

type attribute struct {
	Type      json.RawMessage `json:"type"`
	Required  bool            `json:"required"`
	Optional  bool            `json:"optional"`
	Computed  bool            `json:"computed"`
	Sensitive bool            `json:"sensitive"`
	WriteOnly bool            `json:"write_only"`
}

type nested struct {
	Mode  string `json:"nesting_mode"`
	Block block  `json:"block"`
	Min   int64  `json:"min_items"`
	Max   int64  `json:"max_items"`
}

func main() {
	program, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	path := filepath.Join(filepath.Dir(program), "schema.json")
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatalf("the schema is missing: %v", err)
	}
	var described file
	if err := json.Unmarshal(text, &described); err != nil {
		log.Fatalf("%s: %v", path, err)
	}
	server, err := newServer(described)
	if err != nil {
		log.Fatalf("%s: %v", path, err)
	}
	if err := tf6server.Serve("schema-only", func() tfprotov6.ProviderServer { return server }); err != nil {
		log.Fatal(err)
	}
}
