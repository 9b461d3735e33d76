"""Statements about the Flask application that receives a Pix in real time."""

from __future__ import annotations

from typing import Final

from tests.compatibility.statement import Part, Section, Statement

CREATE: Final = Section(
    title="POST /payments/pix",
    statements=(
        Statement(
            id="pix.value",
            says="The body has `value`, in reais.",
            operations=("createPix",),
            asks=("value",),
            better="Every amount is a whole number of centavos. A `value` that has a third decimal, is zero or "
            "negative, or is not a number, is refused with its own error code.",
        ),
        Statement(
            id="pix.message",
            says="The answer has `message` “The payment has been created.” and `payment`.",
            operations=("createPix",),
            answers=("message", "payment"),
            statuses=(201,),
            differs="The answer has the status 201 and the header `Location`; the reference names no status.",
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
            better="Every time has an offset (`-03:00`); the reference's example has none. The hub expires the charge "
            "at that time.",
        ),
        Statement(
            id="pix.bank-payment-id",
            says="`payment.bank_payment_id` is the id in the bank's confirmation.",
            operations=("createPix",),
            answers=("payment.bank_payment_id",),
        ),
        Statement(
            id="pix.qr-code",
            says="`payment.qr_code` identifies the picture.",
            operations=("createPix",),
            answers=("payment.qr_code", "payment.qr_code_url"),
            here="`qr_code` is the file name after `/payments/pix/qr_code/`. `qr_code_url` is the whole address.",
        ),
        Statement(
            id="pix.code",
            says="The application generates a unique QR code that the payer can scan.",
            operations=("createPix",),
            answers=("payload", "payment.payload"),
            better="The code is a BR Code by the manual, with amount, key, receiver, city and txid. The answer also "
            "has the code as text, to copy and paste. In the tests, two independent parsers read it.",
        ),
        Statement(
            id="pix.more",
            says="The reference describes no other fields.",
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
                "payment_page",
                "payment_page.url",
                "payment_page.token",
                "payment_page.socket_url",
            ),
            here="This hub also accepts the merchant, a description, the payer and the time to expire. Requests with "
            "one `Idempotency-Key` create one charge. Any other field is refused. `payment_page` has the payer link, "
            "its token, and the socket that reports changes.",
        ),
        Statement(
            id="pix.errors",
            says="The reference documents no error.",
            operations=("createPix", "confirmPix"),
            answers=("message", "code"),
            statuses=(400, 401, 403, 413, 415, 503),
            here="Every error of these routes, except the page, has an English `message`, as the reference's answers "
            "have, and a stable `code`. The 404 and 405 of any other address or method below `/payments/pix` also have "
            "both.",
        ),
    ),
)

PICTURE: Final = Section(
    title="GET /payments/pix/qr_code/{file_name}",
    statements=(
        Statement(
            id="pix-picture.format",
            says="The route returns the picture with the name from the answer to the creation.",
            operations=("showPixPicture",),
            asks=("If-None-Match",),
            statuses=(200, 304),
            here="The picture is a PNG, also with `.png` after the name. With `.svg` it is an SVG.",
            better="The hub draws a picture only at its first request, so it creates charges faster. Clients may cache "
            "a picture forever.",
        ),
        Statement(
            id="pix-picture.name",
            says="The client that created the charge knows the name.",
            operations=("showPixPicture",),
            statuses=(404,),
            better="The name of a picture cannot be guessed. A request with a part of the name is answered 404.",
        ),
    ),
)

CONFIRM: Final = Section(
    title="POST /payments/pix/confirmation",
    statements=(
        Statement(
            id="pix-confirmation.body",
            says="The body has `bank_payment_id` and `value`.",
            operations=("confirmPix",),
            asks=("bank_payment_id", "value"),
            better="Only a key with the scope `confirm` can confirm a payment, and only for its own merchant's "
            "charges. Another value than the charge's is answered 400 `wrong_amount`.",
        ),
        Statement(
            id="pix-confirmation.more",
            says="The reference describes no other fields.",
            operations=("confirmPix",),
            asks=("end_to_end_id", "paid_at", "horario"),
            here="`end_to_end_id`, Pix's id of a transfer, distinguishes a second payment from a repeated "
            "confirmation. With it, the payment also holds a transfer of another value, and several transfers that add "
            "up to the charge pay it. With `paid_at` (or `horario`), the time of the payment decides if it was in "
            "time. Other fields are ignored.",
        ),
        Statement(
            id="pix-confirmation.message",
            says="The answer is `message` “The payment has been confirmed.”",
            operations=("confirmPix",),
            answers=("message",),
            statuses=(200,),
            better="A repeated confirmation gets the same answer and has no further effect.",
        ),
        Statement(
            id="pix-confirmation.status",
            says="The status in the database becomes paid.",
            operations=("confirmPix",),
            statuses=(409,),
            better="Money that was paid after the end of a charge is answered 409 `late_payment`. The payment holds "
            "the money until the merchant accepts or returns it. Money that was paid in time also pays a charge that "
            "the merchant has cancelled meanwhile, and raises an alert.",
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
            better="The page also shows the new status without a socket, without scripts, and after the telephone was "
            "in standby.",
        ),
        Statement(
            id="pix-page.language",
            says="The documentation is English, and does not define the texts of the page.",
            operations=("showPix",),
            differs="The page of a Pix is Portuguese, for payers in Brazil; the other three routes answer in English.",
        ),
        Statement(
            id="pix-page.missing",
            says="The reference does not describe the page of a missing payment.",
            operations=("showPix",),
            statuses=(404,),
            better="The page of a missing payment has the status 404. A client without the payer's token or a key gets "
            "the same page for every payment.",
        ),
        Statement(
            id="pix-page.expired",
            says="The reference does not describe the page of an expired charge.",
            operations=("showPix",),
            statuses=(410, 503),
            better="The page of an expired or cancelled charge has the status 410 and shows no code. An open page "
            "hides the code when the charge expires, even without a network.",
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
            here="The event has one argument; the reference documents none. Its `paid_at` is in UTC. The hub also "
            "emits the event for payment links.",
            better="The hub confirms a payment once, when the held money first reaches the charge's amount. A part of "
            "the amount does not confirm it, and neither does another payment after a refund. A client that names a "
            "paid payment and connects later receives the event at once, unless the money was refunded. While a "
            "payment is disputed, `status` is `in_mediation`.",
        ),
        Statement(
            id="socket-io.access",
            says="The reference does not describe authentication.",
            differs="A Socket.IO client with a key receives the events of its merchant's payments, and a client with a "
            "payer's token those of one payment. The hub refuses a client without either. In open mode a client "
            "receives all events.",
        ),
    ),
)

PART: Final = Part(
    title="Pix in real time",
    intro="Four routes, one of which is a page, and three events of Socket.IO. The reference's answers are English, "
    "and so are this hub's on these routes.",
    sections=(CREATE, PICTURE, CONFIRM, PAGE, SOCKET),
)
