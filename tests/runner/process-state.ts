/** Which test files are about what their process has once, so that no other file may share the process with them. */

/** Its clock and timers, environment, folder, signals and exit; its heap and time; what it starts; where it listens; OpenTelemetry's one API. */
const ONCE =
  /\bvi\.\w|\bprocess\.(?:env|chdir|umask|on|once|exitCode|cpuUsage|memoryUsage)\b|\bglobalThis\.\w+ =|"node:(?:child_process|v8)"|"@opentelemetry\/api"|\bcreateServer\(/;

export function needsItsProcess(text: string): boolean {
  return ONCE.test(text);
}
