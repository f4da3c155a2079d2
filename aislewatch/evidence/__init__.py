"""The evidence of an alert: ``<live>/evidence/<alert id>/``, written whole or not at all.

========================  =========================================================================
``alert.json``            ``id`` (camera, UTC of its beginning, short hash), ``camera``, ``begin``,
                          ``end``, ``raised``, ``captured`` (UTC, ISO 8601, Z), ``score``,
                          ``threshold``, ``box`` (left, top, right, bottom as shares of the picture,
                          or null), ``track`` (or null), ``model`` (``name``, ``version``,
                          ``sha256``), ``shadow``, ``source`` (address without password),
                          ``offset_s`` (seconds into a source file, or null), ``operating`` (sha256
                          of the operating point, or null)
``clip.mp4``              seconds before and after, blurred: for everybody
``original.mp4``          the same seconds as they were filmed: for whom a permission says so
``poster.jpg``            the blurred picture of the highest score
``timeline.json``         ``film_begin``, ``film_end`` (UTC), ``alert_s`` (two seconds of the film),
                          ``threshold``, ``scores``, ``boxes`` (each at its second of the film)
``manifest.json``         sha256 of each other file, by its name
========================  =========================================================================

The films are H.264, yuv420p, with their index in front: a browser plays them while they load.
"""
