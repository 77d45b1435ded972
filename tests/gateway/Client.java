import io.confluent.flink.plugin.ConfluentSettings;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/** Confluent's plugin for the Table API, unmodified, against the gateway. Arguments: its address, and ids. */
public final class Client {
    private Client() {}

    public static void main(String[] args) throws Exception {
        EnvironmentSettings settings =
                ConfluentSettings.newBuilder()
                        .setEndpointTemplate(args[0])
                        .setOrganizationId(args[1])
                        .setEnvironmentId(args[2])
                        .setComputePoolId(args[3])
                        .setCloud("aws")
                        .setRegion("us-east-1")
                        .setFlinkApiKey(System.getenv("CC_FLINK_KEY"))
                        .setFlinkApiSecret(System.getenv("CC_FLINK_SECRET"))
                        .build();
        TableEnvironment environment = TableEnvironment.create(settings);
        environment.useCatalog("local");
        environment.useDatabase("changeproof");
        // A changelog with retractions, which has no end of its own here: so many rows are read.
        TableResult result =
                environment.executeSql(
                        "SELECT name, COUNT(*) AS n FROM (VALUES ('a'), ('b'), ('a')) AS v (name)"
                                + " GROUP BY name");
        List<String> told = new ArrayList<>();
        try (CloseableIterator<Row> rows = result.collect()) {
            while (rows.hasNext()) {
                told.add(rows.next().toString());
            }
        }
        System.out.println(String.join(" ", told));
        List<String> expected =
                List.of("+I[a, 1]", "+I[b, 1]", "-U[a, 1]", "+U[a, 2]");
        if (!told.containsAll(expected)) {
            throw new AssertionError("rows: " + told);
        }
    }
}
