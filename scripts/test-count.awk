# Counts single cases in Meson's logs (one JSON object a line), prints why each skipped one was
# skipped and each failed one failed, then "N passed, N failed, N skipped" as the last line. Exit
# status 1 when any failed.
#
# A program that speaks TAP counts by its cases; one that does not, or that died, counts as one.

function text_of(line, name,    at, rest) {
	at = match(line, "\"" name "\": \"")
	if (!at)
		return ""
	rest = substr(line, at + RLENGTH)
	match(rest, /([^"\\]|\\.)*/)
	return substr(rest, 1, RLENGTH)
}

{
	name = text_of($0, "name")
	result = text_of($0, "result")
	count = split(text_of($0, "stdout"), lines, /\\n/)
	good = bad = idle = 0
	why = ""
	for (i = 1; i <= count; i++) {
		if (lines[i] ~ /^not ok [0-9]/) {
			bad++
			why = why "  " lines[i] "\n"
			# what it said follows
			while (i < count && lines[i + 1] ~ /^# / && lines[i + 1] !~ /^# not ok/)
				why = why "    " lines[++i] "\n"
		} else if (lines[i] ~ /^ok [0-9].*# SKIP/) {
			idle++
			print "skipped: " name ": " lines[i]
		} else if (lines[i] ~ /^ok [0-9]/) {
			good++
		} else if (lines[i] ~ /^# skipped: /) {
			# said by a case that then ends well
			good--
			idle++
			print "skipped: " name ": " substr(lines[i], 12)
		} else if (lines[i] ~ /^skipped: /) {
			print name ": " lines[i]
		}
	}
	if (result == "SKIP" && good + bad + idle == 0) {
		idle = 1
		print "skipped: " name
	} else if (result != "OK" && result != "SKIP" && bad == 0) {
		bad = 1
		why = "  after: " lines[count > 1 && lines[count] == "" ? count - 1 : count] "\n"
	} else if (good + bad + idle == 0) {
		good = 1
	}
	if (bad)
		printf "FAILED: %s (%s)\n%s", name, result, why
	passed += good
	failed += bad
	skipped += idle
}

END {
	if (passed + failed == 0) {
		print "no test ran"
		failed = 1
	}
	printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	exit failed > 0
}
