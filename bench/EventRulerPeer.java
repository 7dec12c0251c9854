import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.List;
import software.amazon.event.ruler.Machine;

/** What `bench/rules.py` measures beside PatternSet: event-ruler, the same rules and events. Arguments: rules, events (a line each), seconds. */
public class EventRulerPeer {
    public static void main(String[] given) throws Exception {
        List<String> rules = Files.readAllLines(Paths.get(given[0]), StandardCharsets.UTF_8);
        List<String> events = Files.readAllLines(Paths.get(given[1]), StandardCharsets.UTF_8);
        double seconds = Double.parseDouble(given[2]);
        long began = System.nanoTime();
        Machine machine = new Machine();
        for (int at = 0; at < rules.size(); at++) {
            machine.addRule(Integer.toString(at), rules.get(at));
        }
        double built = (System.nanoTime() - began) / 1e9;
        double best = Double.MAX_VALUE;
        long matches = 0;
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long start = System.nanoTime();
        int rounds = 0;
        // The first rounds warm the virtual machine up; the best round counts, as on the other side.
        while (rounds < 5 || (System.nanoTime() - start) / 1e9 < 2 * seconds) {
            matches = 0;
            long round = threads.getCurrentThreadCpuTime();
            for (String event : events) {
                matches += machine.rulesForJSONEvent(event).size();
            }
            best = Math.min(best, (threads.getCurrentThreadCpuTime() - round) / 1e9);
            rounds++;
        }
        System.out.printf("{\"from_text\": %.1f, \"matches\": %d, \"built_s\": %.3f}%n", events.size() / best, matches, built);
    }
}
