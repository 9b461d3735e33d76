"""What the Flask application offers that takes a Pix in real time."""

from __future__ import annotations

from typing import Final

from tests.compatibility.statement import Part, Section, Statement

CREATE: Final = Section(
    title="POST /payments/pix",
    statements=(
        Statement(
            id="pix.value",
            says="The body holds `value`, in reais.",
            operations=("createPix",),
            asks=("value",),
            better="Every amount is a whole number of centavos. A `value` with a third decimal, zero, below zero or "
            "not a number is refused with a code that names the fault.",
        ),
        Statement(
            id="pix.message",
            says="The answer has `message` “The payment has been created.” and `payment`.",
            operations=("createPix",),
            answers=("message", "payment"),
            statuses=(201,),
            differs="A created Pix is answered with the status 201 and `Location`; the reference names no status.",
        ),
        Statement(
            id="pix.id",
            says="`payment.id` is a small number.",
            operations=("createPix",),
            answers=("payment.id",),
        ),
        Statement(
            id="pix.same-value",
            says="`payment.value` is the value in the request.",
            operations=("createPix",),
            answers=("payment.value",),
        ),
        Statement(
            id="pix.expiration",
            says="`payment.expiration_date` is when the charge expires.",
            operations=("createPix",),
            answers=("payment.expiration_date",),
            here="A charge expires after 30 minutes, unless the request names another time.",
            better="Every time carries its offset (`-03:00`); the reference's sample has none. The hub closes the "
            "charge at that time.",
        ),
        Statement(
            id="pix.bank-payment-id",
            says="`payment.bank_payment_id` is the id that the bank's confirmation carries.",
            operations=("createPix",),
            answers=("payment.bank_payment_id",),
        ),
        Statement(
            id="pix.qr-code",
            says="`payment.qr_code` leads to the picture.",
            operations=("createPix",),
            answers=("payment.qr_code", "payment.qr_code_url"),
            here="`qr_code` is the name of the file, which follows `/payments/pix/qr_code/`. `qr_code_url` is the "
            "whole address.",
        ),
        Statement(
            id="pix.code",
            says="The application generates a unique QR code that the payer can scan.",
            operations=("createPix",),
            answers=("payload", "payment.payload"),
            better="A Pix's code is a BR Code by the manual, with amount, key, receiver, city and txid. The answer "
            "also has it as text, to copy and paste. Two independent parsers read it back in the tests.",
        ),
        Statement(
            id="pix.more",
            says="The reference takes and answers nothing more.",
            operations=("createPix",),
            asks=(
                "padaria_slug",
                "description",
                "payer",
                "payer.email",
                "payer.name",
                "expires_in_minutes",
                "Idempotency-Key",
            ),
            answers=(
                "payment_url",
                "payment.status",
                "payment.payment_url",
                "payment.padaria_slug",
                "payment.description",
                "payment.created_at",
            ),
            here="This hub also takes the merchant, a description, the payer and the time to expire. One "
            "`Idempotency-Key` makes one charge, however often the client sends the request. Any other field is "
            "refused.",
        ),
        Statement(
            id="pix.errors",
            says="The reference documents no error.",
            operations=("createPix", "confirmPix"),
            answers=("message", "code"),
            statuses=(400, 401, 403, 413, 415, 503),
            here="Every error of these routes has an English `message`, as the reference's answers have, and a stable "
            "`code`; the page of a Pix is the exception. The 404 and 405 of any other address or method below "
            "`/payments/pix` have both too.",
        ),
    ),
)

PICTURE: Final = Section(
    title="GET /payments/pix/qr_code/{file_name}",
    statements=(
        Statement(
            id="pix-picture.format",
            says="The route gives the picture whose name the creation answered.",
            operations=("showPixPicture",),
            asks=("If-None-Match",),
            statuses=(200, 304),
            here="The picture is a PNG, also with `.png` after the name, and an SVG with `.svg`.",
            better="The hub draws a picture once, at its first request, and creates charges without drawing. Clients "
            "may cache a picture for ever.",
        ),
        Statement(
            id="pix-picture.name",
            says="The client that created the charge knows the name.",
            operations=("showPixPicture",),
            statuses=(404,),
            better="The name of a picture cannot be guessed, and a part of the name is answered 404.",
        ),
    ),
)

CONFIRM: Final = Section(
    title="POST /payments/pix/confirmation",
    statements=(
        Statement(
            id="pix-confirmation.body",
            says="The body holds `bank_payment_id` and `value`.",
            operations=("confirmPix",),
            asks=("bank_payment_id", "value"),
            better="Only a key with the scope `confirm` can confirm a payment, and only for its own merchant's "
            "charges. A value that is not the charge's is answered 400 with the code `wrong_amount`.",
        ),
        Statement(
            id="pix-confirmation.more",
            says="The body holds nothing more.",
            operations=("confirmPix",),
            asks=("end_to_end_id", "paid_at", "horario"),
            here="`end_to_end_id`, Pix's own name of a transfer, separates a second payment from a repeated "
            "confirmation; the hub records the second payment. With it, a transfer of another value is held, and "
            "several transfers that add up to the charge pay it. With `paid_at` (or `horario`) the confirmation counts "
            "from the time of the payment. Other fields are not read.",
        ),
        Statement(
            id="pix-confirmation.message",
            says="The answer is `message` “The payment has been confirmed.”",
            operations=("confirmPix",),
            answers=("message",),
            statuses=(200,),
            better="A repeated confirmation is answered the same and changes nothing.",
        ),
        Statement(
            id="pix-confirmation.status",
            says="The status in the database becomes paid.",
            operations=("confirmPix",),
            statuses=(409,),
            better="Money paid after the end of a charge is answered 409 with the code `late_payment`. The hub holds "
            "it, and it pays the charge once the merchant accepts it, or goes back to the payer. Money paid in time "
            "for a charge that the merchant has cancelled pays it, with an alert.",
        ),
    ),
)

PAGE: Final = Section(
    title="GET /payments/pix/{payment_id}",
    statements=(
        Statement(
            id="pix-page.unpaid",
            says="The page of an unpaid charge shows the payment and its QR code.",
            operations=("showPix",),
            statuses=(200,),
            here="The page also has a countdown, the code as text and a button that copies it.",
        ),
        Statement(
            id="pix-page.paid",
            says="The page of a paid charge says that it is paid.",
            operations=("showPix",),
            statuses=(200,),
        ),
        Statement(
            id="pix-page.real-time",
            says="The status on the page is updated in real time.",
            operations=("showPix",),
            better="The page of a Pix shows the new status also without a socket, without scripts and after the "
            "telephone slept.",
        ),
        Statement(
            id="pix-page.language",
            says="The documentation is English, and names no text of the page.",
            operations=("showPix",),
            differs="The page of a Pix is Portuguese, for payers in Brazil; the other three routes answer in English.",
        ),
        Statement(
            id="pix-page.missing",
            says="The reference does not describe the page of a missing payment.",
            operations=("showPix",),
            statuses=(404,),
            better="The page of a missing payment has the status 404. A caller without the payer's token or a key gets "
            "the same page for any payment.",
        ),
        Statement(
            id="pix-page.expired",
            says="The reference does not describe the page of an expired charge.",
            operations=("showPix",),
            statuses=(410, 503),
            better="The page of an expired or cancelled charge has the status 410 and shows no code. An open page "
            "hides the code at that time even where the network is away.",
        ),
    ),
)

SOCKET: Final = Section(
    title="Socket.IO",
    statements=(
        Statement(
            id="socket-io.connect",
            says="`connect` is triggered when a client connects.",
            here="Clients of version 3 and 4 connect, by polling and by WebSocket.",
        ),
        Statement(
            id="socket-io.disconnect",
            says="`disconnect` is triggered when a client disconnects.",
        ),
        Statement(
            id="socket-io.confirmed",
            says="`payment-confirmed-{payment_id}` is emitted when a payment is confirmed.",
            operations=("payment-confirmed-{payment_id}",),
            answers=("payment_id", "status", "value", "paid_at"),
            here="The event carries one argument, where the reference documents none; its `paid_at` is in UTC. Payment "
            "links emit it too.",
            better="The hub confirms a payment once, when the held money first reaches the charge. A part does not "
            "confirm it, and neither does a payment after a refund. A client that names its payment and connects later "
            "receives the event at once, unless the money was given back since: a page that reads only the event then "
            "does not show “paid”. While a payment is disputed, `status` is `in_mediation`.",
        ),
        Statement(
            id="socket-io.access",
            says="The reference does not say which clients receive the event.",
            differs="A client of Socket.IO with a key receives the events of its merchant's payments, and one with a "
            "payer's token those of one payment. A client without either is refused. In open mode a client receives "
            "all events.",
        ),
    ),
)

PART: Final = Part(
    title="Pix in real time",
    intro="Four routes, one of which is a page, and three events of Socket.IO. Its answers are English, and so are "
    "this hub's on these routes.",
    sections=(CREATE, PICTURE, CONFIRM, PAGE, SOCKET),
)
