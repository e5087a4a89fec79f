// Technology map for Yosys: operators whose operands and result have one width.
//
// RTLIL extends the operands of a cell to the width of its result, Verilog to the widest of a whole expression.
// Both mean the same here, but linters warn of it, and readers have to know the rules. Each map leaves alone
// what has equal widths already. A constant 0 may have no bits at all.

// Operands as wide as the result, or as each other where the result is one bit (RESULT is 0).
`define EQUAL(NAME, CELL, OPERATOR, RESULT) \
(* techmap_celltype = CELL *) \
module NAME(A, B, Y); \
  parameter A_SIGNED = 0; parameter B_SIGNED = 0; \
  parameter A_WIDTH = 1; parameter B_WIDTH = 1; parameter Y_WIDTH = 1; \
  localparam WIDER = A_WIDTH > B_WIDTH ? A_WIDTH : B_WIDTH; \
  localparam WIDTH = RESULT > WIDER ? RESULT : WIDER; \
  input [(A_WIDTH ? A_WIDTH - 1 : 0):0] A; \
  input [(B_WIDTH ? B_WIDTH - 1 : 0):0] B; \
  output [Y_WIDTH-1:0] Y; \
  wire _TECHMAP_FAIL_ = A_WIDTH == WIDTH && B_WIDTH == WIDTH && (RESULT == 0 || RESULT == WIDTH); \
  wire signed [WIDTH-1:0] a, b; \
  wire [(RESULT ? WIDTH : Y_WIDTH)-1:0] result; \
  generate \
    if (!A_WIDTH) assign a = 0; else if (A_SIGNED) assign a = $signed(A); else assign a = A; \
    if (!B_WIDTH) assign b = 0; else if (B_SIGNED) assign b = $signed(B); else assign b = B; \
    if (A_SIGNED && B_SIGNED) assign result = a OPERATOR b; \
    else assign result = $unsigned(a) OPERATOR $unsigned(b); \
  endgenerate \
  assign Y = result; \
endmodule

`EQUAL(equal_add, "$add", +, Y_WIDTH)
`EQUAL(equal_sub, "$sub", -, Y_WIDTH)
`EQUAL(equal_and, "$and", &, Y_WIDTH)
`EQUAL(equal_or, "$or", |, Y_WIDTH)
`EQUAL(equal_xor, "$xor", ^, Y_WIDTH)
`EQUAL(equal_eq, "$eq", ==, 0)
`EQUAL(equal_ne, "$ne", !=, 0)
`EQUAL(equal_lt, "$lt", <, 0)
`EQUAL(equal_le, "$le", <=, 0)
`EQUAL(equal_gt, "$gt", >, 0)
`EQUAL(equal_ge, "$ge", >=, 0)

// Quotients rounded down, and the remainders that belong to them.
`define DIVIDE(NAME, CELL, OPERATOR, CORRECTED) \
(* techmap_celltype = CELL *) \
module NAME(A, B, Y); \
  parameter A_SIGNED = 0; parameter B_SIGNED = 0; \
  parameter A_WIDTH = 1; parameter B_WIDTH = 1; parameter Y_WIDTH = 1; \
  localparam WIDER = A_WIDTH > B_WIDTH ? A_WIDTH : B_WIDTH; \
  localparam WIDTH = Y_WIDTH > WIDER ? Y_WIDTH : WIDER; \
  input [(A_WIDTH ? A_WIDTH - 1 : 0):0] A; \
  input [(B_WIDTH ? B_WIDTH - 1 : 0):0] B; \
  output [Y_WIDTH-1:0] Y; \
  wire signed [WIDTH-1:0] a, b, cut, rest; \
  wire [WIDTH-1:0] result; \
  generate \
    if (!A_WIDTH) assign a = 0; else if (A_SIGNED) assign a = $signed(A); else assign a = A; \
    if (!B_WIDTH) assign b = 0; else if (B_SIGNED) assign b = $signed(B); else assign b = B; \
    if (A_SIGNED && B_SIGNED) begin \
      assign cut = a OPERATOR b; \
      assign rest = a % b; \
      assign result = rest != 0 && a[WIDTH-1] != b[WIDTH-1] ? CORRECTED : cut; \
    end else assign result = $unsigned(a) OPERATOR $unsigned(b); \
  endgenerate \
  assign Y = result; \
endmodule

`DIVIDE(equal_div, "$divfloor", /, cut - {{(WIDTH-1){1'b0}}, 1'b1})
`DIVIDE(equal_mod, "$modfloor", %, cut + b)

// A shifted number as wide as the result, whatever is cut off afterwards; the distance has a width of its own.
(* techmap_celltype = "$shl $shr $sshl $sshr $shift" *)
module equal_shift(A, B, Y);
  parameter _TECHMAP_CELLTYPE_ = "";
  parameter A_SIGNED = 0; parameter B_SIGNED = 0;
  parameter A_WIDTH = 1; parameter B_WIDTH = 1; parameter Y_WIDTH = 1;
  localparam WIDTH = Y_WIDTH > A_WIDTH ? Y_WIDTH : A_WIDTH;
  input [(A_WIDTH ? A_WIDTH - 1 : 0):0] A;
  input [(B_WIDTH ? B_WIDTH - 1 : 0):0] B;
  output [Y_WIDTH-1:0] Y;
  wire _TECHMAP_FAIL_ = A_WIDTH == Y_WIDTH && B_WIDTH || B_SIGNED;
  wire signed [WIDTH-1:0] a;
  wire [WIDTH-1:0] result;
  generate
    if (!A_WIDTH) assign a = 0; else if (A_SIGNED) assign a = $signed(A); else assign a = A;
    if (!B_WIDTH) assign result = a;
    else if (_TECHMAP_CELLTYPE_ == "$shl" || _TECHMAP_CELLTYPE_ == "$sshl") assign result = a << B;
    else if (_TECHMAP_CELLTYPE_ == "$sshr" && A_SIGNED) assign result = a >>> B;
    else assign result = $unsigned(a) >> B;
  endgenerate
  assign Y = result;
endmodule

// Opposite and complement of a number as wide as the result.
`define UNARY(NAME, CELL, OPERATOR) \
(* techmap_celltype = CELL *) \
module NAME(A, Y); \
  parameter A_SIGNED = 0; parameter A_WIDTH = 1; parameter Y_WIDTH = 1; \
  localparam WIDTH = Y_WIDTH > A_WIDTH ? Y_WIDTH : A_WIDTH; \
  input [(A_WIDTH ? A_WIDTH - 1 : 0):0] A; \
  output [Y_WIDTH-1:0] Y; \
  wire _TECHMAP_FAIL_ = A_WIDTH == Y_WIDTH; \
  wire signed [WIDTH-1:0] a; \
  wire [WIDTH-1:0] result; \
  generate \
    if (!A_WIDTH) assign a = 0; else if (A_SIGNED) assign a = $signed(A); else assign a = A; \
  endgenerate \
  assign result = OPERATOR a; \
  assign Y = result; \
endmodule

`UNARY(equal_neg, "$neg", -)
`UNARY(equal_complement, "$not", ~)

// Whether all bits are 0: a comparison.
(* techmap_celltype = "$logic_not" *)
module equal_zero(A, Y);
  parameter A_SIGNED = 0; parameter A_WIDTH = 1; parameter Y_WIDTH = 1;
  input [A_WIDTH-1:0] A;
  output [Y_WIDTH-1:0] Y;
  assign Y = A == {A_WIDTH{1'b0}};
endmodule
