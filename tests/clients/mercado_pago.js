// Walks the official Node SDK through the paths that a payment hub uses, and prints what it saw as one JSON line.
// Usage: node mercado_pago.js <base URL> <access token>
'use strict';

const { AppConfig } = require('mercadopago/dist/utils/config');
const {
  Chargeback,
  MercadoPagoConfig,
  MerchantOrder,
  Order,
  Payment,
  PaymentMethod,
  PaymentRefund,
  Preference,
  User,
} = require('mercadopago');

const [baseUrl, accessToken] = process.argv.slice(2);
AppConfig.BASE_URL = baseUrl;

function clients(token) {
  const config = new MercadoPagoConfig({ accessToken: token, options: { timeout: 5000, retries: 0 } });
  return {
    preference: new Preference(config),
    payment: new Payment(config),
    refund: new PaymentRefund(config),
    merchantOrder: new MerchantOrder(config),
    order: new Order(config),
    chargeback: new Chargeback(config),
    methods: new PaymentMethod(config),
    user: new User(config),
  };
}

async function pay(order) {
  await fetch(`${baseUrl}/_sandbox/pay`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(order),
  });
}

function pixOrder(reference, amount) {
  return {
    type: 'online',
    processing_mode: 'automatic',
    total_amount: amount,
    external_reference: reference,
    payer: { email: 'ana@example.com' },
    transactions: { payments: [{ amount, payment_method: { id: 'pix', type: 'bank_transfer' }, expiration_time: 'PT30M' }] },
  };
}

// Each write has a key of its own: a client would otherwise keep the first one for its later calls.
function keyed(name) {
  return { requestOptions: { idempotencyKey: name } };
}

async function orders(mp) {
  const created = await mp.order.create({ body: pixOrder('NODE-ORDER', '10.00'), ...keyed('create') });
  const again = await mp.order.create({ body: pixOrder('NODE-ORDER', '10.00'), ...keyed('create') });
  await pay({ order_id: created.id, outcome: 'approved' });
  const paid = await mp.order.get({ id: created.id });
  const [{ id: transaction }] = paid.transactions.payments;
  const partial = await mp.order.refund({ id: created.id, body: { transactions: [{ id: transaction, amount: '4.00' }] }, ...keyed('part') });
  const refunded = await mp.order.refund({ id: created.id, ...keyed('rest') });

  const waiting = await mp.order.create({ body: pixOrder('NODE-WAITING', '1.00'), ...keyed('waiting') });
  const canceled = await mp.order.cancel({ id: waiting.id, ...keyed('cancel') });
  const period = { begin_date: '2020-01-01T00:00:00.000Z', end_date: '2090-01-01T00:00:00.000Z' };
  const found = await mp.order.search({ options: { ...period, status: 'refunded' } });

  const disputed = await mp.order.create({ body: pixOrder('NODE-DISPUTED', '2.00'), ...keyed('disputed') });
  await pay({ order_id: disputed.id, outcome: 'approved' });
  await pay({ order_id: disputed.id, outcome: 'charged_back' });
  const chargebacks = await mp.chargeback.search();

  return {
    status: created.api_response.status,
    repeated: again.id === created.id && JSON.stringify(again.transactions) === JSON.stringify(created.transactions),
    qrCode: created.transactions.payments[0].payment_method.qr_code,
    paid: [paid.status, paid.status_detail],
    partial: [partial.status, partial.status_detail],
    refunded: [refunded.status, refunded.transactions.refunds.map((each) => each.amount)],
    canceled: canceled.status,
    found: found.data.map((each) => each.external_reference),
    chargeback: (await mp.chargeback.get({ id: chargebacks.results[0].id })).amount,
    refusal: await refusal(() => mp.order.create({ body: { type: 'online' }, ...keyed('refused') })),
  };
}

async function refusal(call) {
  try {
    await call();
    return null;
  } catch (error) {
    return { type: error.constructor.name, status: error.status ?? error.statusCode, message: error.message, cause: error.cause ?? error.causes };
  }
}

async function main() {
  const mp = clients(accessToken);
  const items = [{ id: 'pao', title: 'Pão francês', quantity: 10, unit_price: 0.75, currency_id: 'BRL' }];
  const preference = await mp.preference.create({ body: { items, external_reference: 'NODE-1' } });
  const updated = await mp.preference.update({
    id: preference.id,
    updatePreferenceRequest: { items, external_reference: 'NODE-1', statement_descriptor: 'PADARIA' },
  });
  const preferences = await mp.preference.search({ options: { external_reference: 'NODE-1' } });

  const pix = await mp.payment.create({
    body: {
      transaction_amount: 7.5,
      description: 'Pão francês',
      payment_method_id: 'pix',
      external_reference: 'NODE-PIX',
      payer: { email: 'ana@example.com' },
    },
  });
  const found = await mp.payment.search({
    options: { external_reference: 'NODE-PIX', range: 'date_created', begin_date: 'NOW-1DAYS', end_date: 'NOW', sort: 'date_created', criteria: 'desc' },
  });
  await pay({ payment_id: pix.id, outcome: 'approved' });
  const approved = await mp.payment.get({ id: pix.id });
  const partial = await mp.refund.create({ payment_id: pix.id, body: { amount: 2.5 } });
  await mp.refund.total({ payment_id: pix.id });
  const refunds = await mp.refund.list({ payment_id: pix.id });
  const refunded = await mp.payment.get({ id: pix.id });

  const waiting = await mp.payment.create({
    body: { transaction_amount: 1, payment_method_id: 'pix', payer: { email: 'ana@example.com' } },
  });
  const cancelled = await mp.payment.cancel({ id: waiting.id });

  await pay({ preference_id: preference.id, outcome: 'approved', method: 'card' });
  const merchantOrders = await mp.merchantOrder.search({ options: { preference_id: preference.id } });
  const merchantOrder = await mp.merchantOrder.get({ merchantOrderId: merchantOrders.elements[0].id });

  return {
    preference: { id: preference.id, init_point: preference.init_point, status: preference.api_response.status },
    updated: updated.statement_descriptor,
    preferences: preferences.elements.map((each) => each.id),
    pix: { status: pix.status, qr_code: pix.point_of_interaction.transaction_data.qr_code },
    found: found.results.map((each) => each.id),
    approved: { status: approved.status, net: approved.transaction_details.net_received_amount },
    partial: { amount: partial.amount, payment_id: partial.payment_id },
    refunds: refunds.map((each) => each.amount),
    refunded: { status: refunded.status, amount: refunded.transaction_amount_refunded },
    cancelled: { status: cancelled.status, detail: cancelled.status_detail },
    merchantOrder: { status: merchantOrder.order_status, payments: merchantOrder.payments.map((each) => each.status) },
    order: await orders(clients(accessToken)),
    methods: (await mp.methods.get()).map((each) => each.id),
    me: (await mp.user.get()).id,
    unknown: await refusal(() => mp.payment.get({ id: 1 })),
    wrongToken: await refusal(() => clients('APP_USR-nobody').payment.get({ id: 1 })),
  };
}

main().then(
  (seen) => console.log(JSON.stringify(seen)),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
