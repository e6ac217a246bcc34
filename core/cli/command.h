/* The subcommands: one file each, a table in command.c. */
#ifndef WEIR_CLI_COMMAND_H
#define WEIR_CLI_COMMAND_H

/* argv[0] is the subcommand's name. Returns the exit status (0 done, 1 some job failed, 2 bad usage
 * or input, 130 interrupted); messages go to stderr, results to stdout. */
typedef int weir_command(int argc, char **argv);

weir_command weir_command_run, weir_command_plugins, weir_command_describe, weir_command_trace,
    weir_command_fit, weir_command_sample, weir_command_compare, weir_command_report,
    weir_command_check, weir_command_new, weir_command_job;

/* Prints "weir NAME: MESSAGE" to stderr and returns 2. */
int weir_usage_error(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
