// The class of the largest logit of each sequence of the network `top` (statespike:networks:top).
module argmax #(
  parameter IN_WIDTH = 11, LOGIT_WIDTH = 25
) (
  input clk, input rst,
  input [IN_WIDTH-1:0] beat, input beat_valid, output beat_ready,
  output reg [7:0] winner, output reg winner_valid
);
  wire [LOGIT_WIDTH+1:0] answer;
  wire answer_valid;

  top network (
    .clk(clk), .rst(rst),
    .i__payload(beat), .i__valid(beat_valid), .i__ready(beat_ready),
    .o__payload(answer), .o__valid(answer_valid), .o__ready(1'b1)
  );

  // A payload is {overrun, value, last}.
  wire last = answer[0];
  wire signed [LOGIT_WIDTH-1:0] logit = answer[LOGIT_WIDTH:1];
  reg signed [LOGIT_WIDTH-1:0] best;
  reg [7:0] place;
  wire larger = place == 0 || logit > best;

  always @(posedge clk) begin
    winner_valid <= answer_valid && last;
    if (answer_valid) begin
      place <= last ? 8'd0 : place + 8'd1;
      if (larger) begin
        best <= logit;
        winner <= place;
      end
    end
    if (rst) begin
      place <= 8'd0;
      winner_valid <= 1'b0;
    end
  end
endmodule
