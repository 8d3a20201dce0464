import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import jdk.jshell.DeclarationSnippet;
import jdk.jshell.Diag;
import jdk.jshell.EvalException;
import jdk.jshell.JShell;
import jdk.jshell.JShellException;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;
import jdk.jshell.SourceCodeAnalysis;
import jdk.jshell.UnresolvedReferenceException;

/**
 * The kernel of Java: the JDK's own shell, in this process. Hears of cells as lines of words in base64, `run` CODE NAME VALUE …, and of
 * interrupts as `interrupt`.
 */
class JavaKernel {
    private static final String[] IMPORTS = {
        "java.io.*", "java.math.*", "java.net.*", "java.nio.file.*", "java.util.*", "java.util.concurrent.*", "java.util.function.*",
        "java.util.regex.*", "java.util.stream.*",
    };

    private final OutputStream messages;
    private final JShell shell;
    private volatile boolean isInterrupted;

    public static void main(String[] arguments) throws Exception {
        new JavaKernel(arguments[1]).listen(arguments[0]);
    }

    private JavaKernel(String output) throws Exception {
        messages = new FileOutputStream("/proc/self/fd/" + output);
        System.setOut(new Stream("stdout"));
        System.setErr(new Stream("stderr"));
        for (Map.Entry<String, String> variable : System.getenv().entrySet()) {
            if (System.getProperty(variable.getKey()) == null) System.setProperty(variable.getKey(), variable.getValue());
        }
        shell = JShell.builder().executionEngine("local").build();
        for (String name : IMPORTS) shell.eval("import " + name + ";");
        say("{\"ready\": true}");
    }

    /** What is printed, as messages: in the order in which it was, among all others. */
    private class Stream extends PrintStream {
        Stream(String name) {
            super(new OutputStream() {
                @Override public void write(int value) { write(new byte[] {(byte) value}, 0, 1); }

                @Override public void write(byte[] bytes, int from, int count) {
                    if (count > 0) say("{\"" + name + "\": " + quoted(new String(bytes, from, count, StandardCharsets.UTF_8)) + "}");
                }
            }, true, StandardCharsets.UTF_8);
        }
    }

    private synchronized void say(String line) {
        try {
            messages.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
        } catch (java.io.IOException gone) {
            Runtime.getRuntime().halt(1);
        }
    }

    private static String quoted(String text) {
        StringBuilder result = new StringBuilder("\"");
        for (char letter : text.toCharArray()) {
            if (letter == '"' || letter == '\\') result.append('\\').append(letter);
            else if (letter >= ' ' && letter < 127) result.append(letter);
            else result.append(String.format("\\u%04x", (int) letter));
        }
        return result.append('"').toString();
    }

    private void listen(String input) throws Exception {
        LinkedBlockingQueue<String[]> cells = new LinkedBlockingQueue<>();
        Thread worker = new Thread(() -> {
            while (true) {
                try {
                    run(cells.take());
                } catch (InterruptedException ended) {
                    return;
                }
            }
        });
        worker.setDaemon(true);
        worker.start();
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(new FileInputStream("/proc/self/fd/" + input)))) {
            for (String line; (line = lines.readLine()) != null;) {
                if (line.equals("interrupt")) {
                    isInterrupted = true;
                    shell.stop();
                } else {
                    String[] words = line.split(" ", -1);
                    String[] cell = new String[words.length - 1];
                    for (int index = 0; index < cell.length; index += 1) {
                        cell[index] = new String(Base64.getDecoder().decode(words[index + 1]), StandardCharsets.UTF_8);
                    }
                    cells.add(cell);
                }
            }
        }
        Runtime.getRuntime().halt(0);
    }

    private void run(String[] cell) {
        isInterrupted = false;
        Map<String, String> before = new HashMap<>();
        for (int index = 1; index + 1 < cell.length; index += 2) {
            before.put(cell[index], System.getProperty(cell[index]));
            System.setProperty(cell[index], cell[index + 1]);
        }
        try {
            evaluate(cell[0]);
        } catch (RuntimeException broken) {
            fail(broken.getClass().getSimpleName(), String.valueOf(broken.getMessage()), String.valueOf(broken));
        }
        before.forEach((name, value) -> {
            if (value == null) System.clearProperty(name);
            else System.setProperty(name, value);
        });
        say("{\"done\": true}");
    }

    private void evaluate(String code) {
        String rest = code;
        String value = null;
        while (!rest.isBlank()) {
            SourceCodeAnalysis.CompletionInfo piece = shell.sourceCodeAnalysis().analyzeCompletion(rest);
            String source = piece.completeness().isComplete() ? piece.source() : rest;
            rest = piece.completeness().isComplete() ? piece.remaining() : "";
            value = null;
            for (SnippetEvent event : shell.eval(source)) {
                if (event.causeSnippet() != null) continue;
                if (isInterrupted) {
                    fail("KeyboardInterrupt", "", "The cell was interrupted");
                    return;
                }
                if (event.status() == Snippet.Status.REJECTED) {
                    reject(event.snippet());
                    return;
                }
                if (event.exception() != null) {
                    fail(event.exception());
                    return;
                }
                boolean isValue = event.snippet().kind() == Snippet.Kind.EXPRESSION
                    || event.snippet().subKind() == Snippet.SubKind.TEMP_VAR_EXPRESSION_SUBKIND;
                if (isValue && event.value() != null && !event.value().isEmpty()) value = event.value();
            }
        }
        if (value != null) say("{\"result\": {\"text/plain\": " + quoted(value) + "}, \"main\": true}");
    }

    private void reject(Snippet snippet) {
        List<String> messages = new ArrayList<>();
        shell.diagnostics(snippet).filter(Diag::isError).forEach((problem) -> messages.add(problem.getMessage(Locale.ENGLISH)));
        String text = String.join("\n", messages);
        fail("CompilationException", messages.isEmpty() ? "" : messages.get(0).lines().findFirst().orElse(""), snippet.source() + "\n" + text);
    }

    private void fail(JShellException exception) {
        if (exception instanceof UnresolvedReferenceException) {
            DeclarationSnippet snippet = ((UnresolvedReferenceException) exception).getSnippet();
            String missing = String.join(", ", shell.unresolvedDependencies(snippet).toArray(String[]::new));
            fail("UnresolvedReferenceException", missing, snippet.source());
            return;
        }
        EvalException thrown = (EvalException) exception;
        String name = thrown.getExceptionClassName();
        String message = String.valueOf(thrown.getMessage());
        StringBuilder trace = new StringBuilder(name + ": " + message);
        for (StackTraceElement place : thrown.getStackTrace()) trace.append("\n    at ").append(place);
        fail(name, message, trace.toString());
    }

    private void fail(String name, String value, String traceback) {
        say("{\"error\": {\"name\": " + quoted(name) + ", \"value\": " + quoted(value) + ", \"traceback\": " + quoted(traceback) + "}}");
    }
}
