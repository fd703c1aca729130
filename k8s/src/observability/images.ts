/** What others build, at versions that were chosen; all of them are on Docker Hub. */
export const IMAGES = {
  collector: "otel/opentelemetry-collector-contrib:0.158.0",
  jaeger: "jaegertracing/jaeger:2.20.0",
  prometheus: "prom/prometheus:v3.14.0",
  loki: "grafana/loki:3.7.8",
  // The last line in which the Jaeger data source is part of Grafana and not fetched at the start.
  grafana: "grafana/grafana:12.4.3",
};
