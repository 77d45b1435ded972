package main

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// server answers what Terraform asks while it validates and plans. The embedded interface is nil:
// what is not answered here, no check of ours may need.
type server struct {
	tfprotov6.ProviderServer
	answer    *tfprotov6.GetProviderSchemaResponse
	resources map[string]schema
	data      map[string]schema
	ephemeral map[string]schema
}

func newServer(described file) (*server, error) {
	all := map[string]map[string]*tfprotov6.Schema{}
	for kind, schemas := range map[string]map[string]schema{
		"resource": described.Resources, "data": described.Data, "ephemeral": described.Ephemeral,
	} {
		all[kind] = map[string]*tfprotov6.Schema{}
		for name, one := range schemas {
			made, err := one.proto()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			all[kind][name] = made
		}
	}
	provider, err := described.Provider.proto()
	if err != nil {
		return nil, err
	}
	return &server{
		answer: &tfprotov6.GetProviderSchemaResponse{
			Provider:                 provider,
			ResourceSchemas:          all["resource"],
			DataSourceSchemas:        all["data"],
			EphemeralResourceSchemas: all["ephemeral"],
			ServerCapabilities:       &tfprotov6.ServerCapabilities{},
		},
		resources: described.Resources,
		data:      described.Data,
		ephemeral: described.Ephemeral,
	}, nil
}

func (s *server) GetMetadata(context.Context, *tfprotov6.GetMetadataRequest) (*tfprotov6.GetMetadataResponse, error) {
	answer := &tfprotov6.GetMetadataResponse{ServerCapabilities: s.answer.ServerCapabilities}
	for name := range s.answer.ResourceSchemas {
		answer.Resources = append(answer.Resources, tfprotov6.ResourceMetadata{TypeName: name})
	}
	for name := range s.answer.DataSourceSchemas {
		answer.DataSources = append(answer.DataSources, tfprotov6.DataSourceMetadata{TypeName: name})
	}
	return answer, nil
}

func (s *server) GetProviderSchema(context.Context, *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	return s.answer, nil
}

func (s *server) GetResourceIdentitySchemas(context.Context, *tfprotov6.GetResourceIdentitySchemasRequest) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov6.GetResourceIdentitySchemasResponse{}, nil
}

func (s *server) ValidateProviderConfig(_ context.Context, asked *tfprotov6.ValidateProviderConfigRequest) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: asked.Config}, nil
}

func (s *server) ConfigureProvider(context.Context, *tfprotov6.ConfigureProviderRequest) (*tfprotov6.ConfigureProviderResponse, error) {
	return &tfprotov6.ConfigureProviderResponse{}, nil
}

func (s *server) StopProvider(context.Context, *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

func (s *server) ValidateResourceConfig(context.Context, *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return &tfprotov6.ValidateResourceConfigResponse{}, nil
}

func (s *server) ValidateDataResourceConfig(context.Context, *tfprotov6.ValidateDataResourceConfigRequest) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	return &tfprotov6.ValidateDataResourceConfigResponse{}, nil
}

func (s *server) ValidateEphemeralResourceConfig(context.Context, *tfprotov6.ValidateEphemeralResourceConfigRequest) (*tfprotov6.ValidateEphemeralResourceConfigResponse, error) {
	return &tfprotov6.ValidateEphemeralResourceConfigResponse{}, nil
}

func (s *server) UpgradeResourceState(_ context.Context, asked *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	kind := s.answer.ResourceSchemas[asked.TypeName].ValueType()
	value, err := asked.RawState.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	state, err := tfprotov6.NewDynamicValue(kind, value)
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &state}, err
}

func (s *server) ReadResource(_ context.Context, asked *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	return &tfprotov6.ReadResourceResponse{NewState: asked.CurrentState}, nil
}

// PlanResourceChange leaves open what only the provider can tell: it is known after apply.
func (s *server) PlanResourceChange(_ context.Context, asked *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	kind := s.answer.ResourceSchemas[asked.TypeName].ValueType()
	proposed, err := asked.ProposedNewState.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	planned, err := completed(proposed, s.resources[asked.TypeName].Block, func(one tftypes.Type, _ string) tftypes.Value {
		return tftypes.NewValue(one, tftypes.UnknownValue)
	})
	if err != nil {
		return nil, err
	}
	state, err := tfprotov6.NewDynamicValue(kind, planned)
	return &tfprotov6.PlanResourceChangeResponse{PlannedState: &state}, err
}

// ReadDataSource makes up what it does not know; a value says of which attribute it stands in the place.
func (s *server) ReadDataSource(_ context.Context, asked *tfprotov6.ReadDataSourceRequest) (*tfprotov6.ReadDataSourceResponse, error) {
	kind := s.answer.DataSourceSchemas[asked.TypeName].ValueType()
	config, err := asked.Config.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	filled, err := completed(config, s.data[asked.TypeName].Block, standIn)
	if err != nil {
		return nil, err
	}
	state, err := tfprotov6.NewDynamicValue(kind, filled)
	return &tfprotov6.ReadDataSourceResponse{State: &state}, err
}

// OpenEphemeralResource makes a value up as a data source does.
func (s *server) OpenEphemeralResource(_ context.Context, asked *tfprotov6.OpenEphemeralResourceRequest) (*tfprotov6.OpenEphemeralResourceResponse, error) {
	kind := s.answer.EphemeralResourceSchemas[asked.TypeName].ValueType()
	config, err := asked.Config.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	filled, err := completed(config, s.ephemeral[asked.TypeName].Block, standIn)
	if err != nil {
		return nil, err
	}
	result, err := tfprotov6.NewDynamicValue(kind, filled)
	return &tfprotov6.OpenEphemeralResourceResponse{Result: &result}, err
}

func (s *server) RenewEphemeralResource(context.Context, *tfprotov6.RenewEphemeralResourceRequest) (*tfprotov6.RenewEphemeralResourceResponse, error) {
	return &tfprotov6.RenewEphemeralResourceResponse{}, nil
}

func (s *server) CloseEphemeralResource(context.Context, *tfprotov6.CloseEphemeralResourceRequest) (*tfprotov6.CloseEphemeralResourceResponse, error) {
	return &tfprotov6.CloseEphemeralResourceResponse{}, nil
}

// ApplyResourceChange refuses: nobody shall take a plan of schemas for a deployment.
func (s *server) ApplyResourceChange(_ context.Context, asked *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	return &tfprotov6.ApplyResourceChangeResponse{
		NewState: asked.PriorState,
		Diagnostics: []*tfprotov6.Diagnostic{{
			Severity: tfprotov6.DiagnosticSeverityError,
			Summary:  "this provider knows schemas only",
			Detail:   "It stands in the place of " + asked.TypeName + "'s provider for offline checks, and applies nothing.",
		}},
	}, nil
}
