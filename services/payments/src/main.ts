import { PaymentServiceService } from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import { runService } from "@row/runtime/run-service.ts";
import { CardGateway } from "./card-gateway.ts";
import { variables } from "./config.ts";
import { finishRefunds } from "./finish-refunds.ts";
import { showRefunds } from "./metrics.ts";
import { PaymentStore } from "./payment-store.ts";
import { paymentService } from "./service.ts";

await runService({
  name: "payments",
  variables,
  async start(host) {
    const { cardGatewayUrl, gatewayTimeoutMs, gatewayConcurrency } = host.config;
    const pool = await host.database();
    await host.relay(pool);
    const store = new PaymentStore(pool);
    const gateway = new CardGateway({
      url: cardGatewayUrl,
      timeoutMs: gatewayTimeoutMs,
      concurrency: gatewayConcurrency,
    });
    const dependencies = { store, gateway };
    host.serve(PaymentServiceService, paymentService(dependencies));
    host.background(finishRefunds(dependencies, host));
    showRefunds(host.telemetry, pool);
  },
});
