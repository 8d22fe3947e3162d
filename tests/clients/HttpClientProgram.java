import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;

/** Predicts and trains with Java's own HttpClient: java HttpClientProgram.java ADDRESS PICTURE. A line for each answer. */
public class HttpClientProgram {
    static final String TRAINING = "{\"dataset\":\"sample\",\"epochs\":1,\"promote\":\"never\"}";

    public static void main(String[] arguments) throws Exception {
        String address = arguments[0];
        Path picture = Path.of(arguments[1]);
        for (HttpClient.Version version : HttpClient.Version.values()) { // HTTP_2, the default, offers h2c
            HttpClient client = HttpClient.newBuilder().version(version).build();
            for (int round = 0; round < 2; round++) { // the second on the connection of the first
                ask(client, address + "/predict/digit", "image/png", BodyPublishers.ofFile(picture));
                ask(client, address + "/train/digit", "application/json", BodyPublishers.ofString(TRAINING));
                ask(client, address + "/train/digit", "application/json", inChunks(TRAINING));
                ask(client, address + "/predict/digit", "image/png", BodyPublishers.ofByteArray(new byte[3_000_000]));
            }
        }
    }

    /** A body of unknown length, which is sent in chunks. */
    static BodyPublisher inChunks(String text) {
        return BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(text.getBytes()));
    }

    static void ask(HttpClient client, String url, String kind, BodyPublisher body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).header("Content-Type", kind).POST(body).build();
        var answer = client.send(request, BodyHandlers.ofString());
        System.out.println(answer.statusCode() + " " + answer.body());
    }
}
