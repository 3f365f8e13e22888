import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Properties;

import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.ClassNameFilter;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;

/**
 * Runs packages of a kit's tests with the settings of a properties file, its launcher among them. These release
 * candidates bring no main class, and their runtime tells only the titles, which some tests share.
 * Each test's outcome is a line of the log; the exit code is 0 if all that ran passed, 1 if not.
 */
final class RunKit {
    public static void main(String[] arguments) throws Exception {
        Properties settings = new Properties();
        try (Reader file = Files.newBufferedReader(Path.of(arguments[0]))) {
            settings.load(file);
        }
        settings.stringPropertyNames().forEach(name -> System.setProperty(name, settings.getProperty(name)));
        var request = LauncherDiscoveryRequestBuilder.request()
            .selectors(Arrays.stream(arguments).skip(1).map(DiscoverySelectors::selectPackage).toList())
            .filters(ClassNameFilter.includeClassNamePatterns(".*Test"))
            .build();
        var counted = new SummaryGeneratingListener();
        LauncherFactory.create().execute(request, counted, new Lines());
        var summary = counted.getSummary();
        System.out.printf("KIT: found %d, passed %d, failed %d, skipped %d%n", summary.getTestsFoundCount(),
            summary.getTestsSucceededCount(), summary.getTestsFailedCount(), summary.getTestsSkippedCount());
        System.exit(summary.getTotalFailureCount() == 0 ? 0 : 1);
    }

    /** One line for each test: outcome, method, title, reason. */
    private static final class Lines implements TestExecutionListener {
        @Override
        public void executionFinished(TestIdentifier test, TestExecutionResult result) {
            if (test.getSource().orElse(null) instanceof MethodSource source) {
                var reason = result.getThrowable().map(Object::toString).orElse("").replaceAll("\\s+", " ");
                System.out.printf("ENDED\t%s\t%s\t%s\t%s%n", result.getStatus(), source.getMethodName(),
                    test.getDisplayName(), reason);
            }
        }
    }
}
