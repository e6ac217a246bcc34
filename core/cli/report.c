/* weir report: writes a store's report again. */
#include "report/report.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include <stdio.h>
#include <string.h>

int weir_command_report(int argc, char **argv)
{
    static const weir_flag flags[] = {{0}};
    static const weir_usage usage = {
        .command = "report",
        .arguments = "DIR",
        .help = "Writes report.html and report.md of a store (results/EXPERIMENT) again, from its "
                "scores.csv, manifest.json and jobs/, and prints their paths. Plots need gnuplot.",
        .flags = flags,
        .least = 1,
        .most = 1};
    weir_error error = {0};
    weir_arguments arguments;
    int status = weir_arguments_parse(&usage, argc, argv, &arguments);
    size_t length;

    if (status >= 0)
        return status;
    status = weir_report_write(arguments.items[0], &error);
    if (status) {
        fprintf(stderr, "weir report: %s\n", error.text);
        return status;
    }
    /* "DIR/" and "DIR" give the same paths. */
    length = strlen(arguments.items[0]);
    while (length > 1 && arguments.items[0][length - 1] == '/')
        length--;
    printf("%.*s/report.html\n%.*s/report.md\n", (int)length, arguments.items[0], (int)length,
           arguments.items[0]);
    return 0;
}
