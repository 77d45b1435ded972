// Writes Grafana's dashboards of the pipeline, with Grafana's own types, into the folder above.
//
// Usage: go run . [--check]. With --check nothing is written: a file that is not current is an error.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// panel is a picture of one question.
type panel struct {
	title, about, unit string
	queries            []query
}

// query is an expression, and how each of its series is called.
type query struct{ expr, legend string }

// row is a hop of the pipeline.
type row struct {
	title  string
	panels []panel
}

// page is a dashboard.
type page struct {
	file, title, about string
	rows               []row
}

func (p page) build() ([]byte, error) {
	builder := dashboard.NewDashboardBuilder(p.title).
		Uid(p.file).
		Description(p.about).
		Tags([]string{"changeproof", "cdc"}).
		Refresh("30s").
		Time("now-1h", "now").
		Timezone(common.TimeZoneBrowser).
		Readonly().
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type("prometheus"))
	for _, row := range p.rows {
		builder = builder.WithRow(dashboard.NewRowBuilder(row.title))
		for _, panel := range row.panels {
			builder = builder.WithPanel(panel.build())
		}
	}
	built, err := builder.Build()
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(built, "", "  ")
	return append(text, '\n'), err
}

func (p panel) build() *timeseries.PanelBuilder {
	source := common.DataSourceRef{Type: pointer("prometheus"), Uid: pointer("${datasource}")}
	builder := timeseries.NewPanelBuilder().
		Title(p.title).
		Description(p.about).
		Unit(p.unit).
		Datasource(source).
		Height(7).
		Span(8)
	for number, query := range p.queries {
		builder = builder.WithTarget(prometheus.NewDataqueryBuilder().
			Expr(query.expr).
			LegendFormat(query.legend).
			RefId(string(rune('A' + number))))
	}
	return builder
}

func pointer(text string) *string { return &text }

func main() {
	check := len(os.Args) > 1 && os.Args[1] == "--check"
	for _, page := range pages {
		text, err := page.build()
		if err == nil {
			err = written(filepath.Join("..", page.file+".json"), text, check)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", page.file, err)
			os.Exit(1)
		}
	}
}

func written(path string, text []byte, check bool) error {
	if !check {
		return os.WriteFile(path, text, 0o644)
	}
	present, err := os.ReadFile(path)
	if err == nil && !bytes.Equal(present, text) {
		err = fmt.Errorf("%s is not what the generator makes: run it", path)
	}
	return err
}
