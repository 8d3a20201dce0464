import java.io.*;
import java.nio.charset.StandardCharsets;

class Echo {
    public static void main(String[] args) throws IOException {
        var reader = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = reader.readLine()) != null; ) {
            System.out.println(new StringBuilder(line).reverse() + " " + line.codePointCount(0, line.length()));
        }
        System.out.println("""
            Größe: "日本語" \
            🏜""");
        System.err.println("done");
        System.exit(5);
    }
}
