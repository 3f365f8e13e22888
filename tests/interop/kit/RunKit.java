import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;

import org.eclipse.dataspacetck.core.system.ConsoleMonitor;
import org.eclipse.dataspacetck.dsp.system.DspSystemLauncher;
import org.eclipse.dataspacetck.runtime.TckRuntime;

/**
 * Runs packages of the kit's tests with the settings of a properties file. This release candidate brings no main class.
 * Each test's outcome is a line of the log; the exit code is 0 if all that ran passed, 1 if not.
 */
final class RunKit {
    public static void main(String[] arguments) throws Exception {
        Properties read = new Properties();
        try (Reader file = Files.newBufferedReader(Path.of(arguments[0]))) {
            read.load(file);
        }
        Map<String, String> settings = new HashMap<>();
        read.stringPropertyNames().forEach(name -> settings.put(name, read.getProperty(name)));
        var kit = TckRuntime.Builder.newInstance()
            .properties(settings)
            .launcher(DspSystemLauncher.class)
            .monitor(new ConsoleMonitor(Boolean.parseBoolean(settings.get("dataspacetck.debug")), false));
        Arrays.stream(arguments).skip(1).forEach(kit::addPackage);
        var summary = kit.build().execute();
        summary.getFailures().forEach(failure ->
            System.out.println("REASON: " + failure.getTestIdentifier().getDisplayName() + " " + failure.getException()));
        System.out.printf("KIT: found %d, passed %d, failed %d, skipped %d%n", summary.getTestsFoundCount(),
            summary.getTestsSucceededCount(), summary.getTestsFailedCount(), summary.getTestsSkippedCount());
        System.exit(summary.getTotalFailureCount() == 0 ? 0 : 1);
    }
}
