"""Reads QR pictures with OpenCV, independently of the code that draws them."""

from __future__ import annotations

import cv2
import numpy as np

# At one size, OpenCV cannot read one picture in twenty. A telephone moves, so several sizes are fair.
SCALES = (1.0, 0.75, 1.5, 0.6, 2.0, 0.5, 1.25)


def read_qr(picture: bytes) -> str:
    """Return the text of a QR code in a PNG; empty if OpenCV cannot read it at any size."""
    drawn = cv2.imdecode(np.frombuffer(picture, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    assert drawn is not None, "this is no picture"
    for scale in SCALES:
        sized = cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        for detector in (cv2.QRCodeDetector(), cv2.QRCodeDetectorAruco()):
            text, *_ = detector.detectAndDecode(sized)
            if text:
                return text
    return ""
